// Arrow keys among tiles: left and right to the neighbour, up and down to the nearest in that row.
export function moveByArrow(event: KeyboardEvent) {
  const here = (event.target as HTMLElement).closest<HTMLElement>('[data-tile]')
  if (!here || !event.key.startsWith('Arrow') || event.altKey || event.ctrlKey || event.metaKey) return
  const tiles = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[data-tile]')]
  const next = target(tiles, here, event.key)
  if (!next) return
  event.preventDefault()
  next.focus()
}

function target(tiles: HTMLElement[], here: HTMLElement, key: string) {
  const index = tiles.indexOf(here)
  if (key === 'ArrowLeft') return tiles[index - 1]
  if (key === 'ArrowRight') return tiles[index + 1]
  const from = here.getBoundingClientRect()
  const away = (tile: HTMLElement) => {
    const box = tile.getBoundingClientRect()
    const rows = key === 'ArrowDown' ? box.top - from.top : from.top - box.top
    return rows < 1 ? Infinity : rows * 10 + Math.abs(box.left - from.left)
  }
  const best = tiles.reduce((a, b) => (away(b) < away(a) ? b : a), here)
  return best === here ? undefined : best
}
