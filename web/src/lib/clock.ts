// Times of the day as minutes since midnight; 1440 is the midnight that ends the day.
export const DAY_MIN = 1440

export function clockText(minute: number): string {
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
}

/** "7:30" or "24:00", also with the colon of a Chinese keyboard; what is no time of the day → null. */
export function minuteOf(text: unknown): number | null {
  const match = /^(\d{1,2})[:\uff1a]([0-5]\d)$/.exec(String(text ?? '').trim())
  const minute = match ? Number(match[1]) * 60 + Number(match[2]) : DAY_MIN + 1
  return minute <= DAY_MIN ? minute : null
}
