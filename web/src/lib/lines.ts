// Shares of a line's time, as the platform sends them in thousandths.
export type Shares = { busy_permille: number; useful_of_busy_permille: number }

export const percent = (permille: number) => `${(permille / 10).toFixed(permille > 0 && permille < 100 ? 1 : 0)} %`

/** Parts of the bar: useful, and busy without use; the rest of the time the line rests. In percent. */
export function parts(of: Shares) {
  const useful = (of.busy_permille * of.useful_of_busy_permille) / 10_000
  return { useful, lost: of.busy_permille / 10 - useful }
}

export const permilleOf = (n: number, all: number) => (all > 0 ? Math.round((n * 1000) / all) : 0)
