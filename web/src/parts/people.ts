/** How a person is shown: the first letters of the name, and one of eight hues by id. */
export function initials(name: string, most = 2): string {
  const words = name.split(/[\s._@+-]+/u).filter(Boolean)
  const letters = words.length > 1 ? words.slice(0, most).map((w) => [...w][0]!) : [...(words[0] ?? '?')].slice(0, most)
  return letters.join('').toUpperCase()
}

export function hue(id: number): number {
  return Math.abs(id * 7 + 3) % 8
}
