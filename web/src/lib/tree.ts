// JSON objects as the editors hold them: members by path, texts that read well, differences.
export type Tree = Record<string, unknown>

export const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

/** "prices.peak" of an object; undefined where there is none. */
export function memberOf(of: Tree, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (isTree(at) ? at[name] : undefined), of)
}

/** Sets a member by its path; undefined removes it, and the objects that are left empty by that. */
export function setMember(of: Tree, path: string, value: unknown) {
  const [name, ...rest] = path.split('.') as [string, ...string[]]
  if (!rest.length) {
    if (value === undefined) delete of[name]
    else of[name] = value
    return
  }
  const inner = isTree(of[name]) ? of[name] : {}
  setMember(inner, rest.join('.'), value)
  if (Object.keys(inner).length) of[name] = inner
  else delete of[name]
}

/** Objects and lists that fit into a line stand in one; the others are indented. */
export function pretty(value: unknown, indent = ''): string {
  const plain = JSON.stringify(value, null, 1)?.replace(/\n\s*/g, ' ').replace(/([{[]) /g, '$1').replace(/ ([}\]])/g, '$1') ?? 'null'
  if (typeof value !== 'object' || value === null || plain.length + indent.length <= 78) return plain
  const deeper = `${indent}  `
  const entries = Array.isArray(value)
    ? value.map((one) => deeper + pretty(one, deeper))
    : Object.entries(value).map(([name, one]) => `${deeper}${JSON.stringify(name)}: ${pretty(one, deeper)}`)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  return `${open}\n${entries.join(',\n')}\n${indent}${close}`
}

export function parseTree(text: string): Tree | null {
  try {
    const value: unknown = JSON.parse(text)
    return isTree(value) ? value : null
  } catch {
    return null
  }
}

function leaves(value: unknown, path: string, out: Map<string, string>) {
  if (isTree(value)) Object.entries(value).forEach(([name, one]) => leaves(one, path ? `${path}.${name}` : name, out))
  else if (Array.isArray(value) && value.some((one) => typeof one === 'object')) value.forEach((one, i) => leaves(one, `${path}[${i}]`, out))
  else out.set(path, typeof value === 'string' ? value : JSON.stringify(value))
  return out
}

export type Difference = { path: string; before: string | null; after: string | null }

export function differences(before: Tree, after: Tree): Difference[] {
  const old = leaves(before, '', new Map<string, string>())
  const now = leaves(after, '', new Map<string, string>())
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((path) => ({ path, before: old.get(path) ?? null, after: now.get(path) ?? null }))
    .filter((one) => one.before !== one.after)
}
