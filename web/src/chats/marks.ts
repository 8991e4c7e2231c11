/** Splits a text where words are found in it: each part, and whether it is a hit. */
export function split(text: string, words: string): [string, boolean][] {
  const wishes = words.trim().toLowerCase().split(/\s+/).filter(Boolean)
  if (wishes.length === 0) return [[text, false]]
  const pattern = new RegExp(`(${wishes.map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`, 'giu')
  return text.split(pattern).map((part, i) => [part, i % 2 === 1] as [string, boolean]).filter(([part]) => part !== '')
}
