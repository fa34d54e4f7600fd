// Writes a .gz beside every file of the build that is worth compressing, so that the server only
// has to send it.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const WORTH_IT = /\.(html|js|css|svg|json|txt|webmanifest)$/

function compress(folder) {
  let total = 0
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) total += compress(path)
    else if (WORTH_IT.test(name)) {
      const packed = gzipSync(readFileSync(path), { level: 9 })
      writeFileSync(`${path}.gz`, packed)
      total += packed.length
    }
  }
  return total
}

console.log(`compressed variants: ${Math.round(compress(process.argv[2]) / 1024)} KiB`)
