/** A message as one line of text, without the signs of its Markdown. */
export function plain(text: string, most = 140): string {
  return text.slice(0, most).replace(/\*\*|__|~~|`/g, '').replace(/\s+/g, ' ')
}
