const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ' // Crockford: nothing that is misread on paper

function random(length: number) {
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return Array.from(bytes, (byte) => ALPHABET[byte & 31]).join('')
}

/** Names one wish, so that repeating it after a lost answer cannot carry it out twice. */
export const newKey = () => `K-${random(20)}`

/** A number for a sale, short enough to be read out from a receipt. */
export function newOrderId(nowMs = Date.now()) {
  const day = new Date(nowMs).toISOString().slice(2, 10).replaceAll('-', '')
  return `S${day}-${random(10)}`
}
