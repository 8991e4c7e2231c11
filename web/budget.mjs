// Fails if the app has become larger than it may be, gzipped; see the table in README.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const kB = 1024
const assets = 'dist/assets/'
const size = (name) => gzipSync(readFileSync(assets + name), { level: 9 }).length
const html = readFileSync('dist/index.html', 'utf8')
const files = readdirSync(assets)

// What a page pulls in: a script and all that it imports statically.
function closure(entry, seen = new Set()) {
  if (seen.has(entry)) return seen
  seen.add(entry)
  const text = readFileSync(assets + entry, 'utf8')
  for (const [, name] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) closure(name, seen)
  return seen
}

const german = (name) => name.startsWith('app') && readFileSync(assets + name, 'utf8').includes('Neuer Chat')
const start = new Set()
for (const [, name] of html.matchAll(/assets\/([^"]+\.js)"/g)) closure(name, start)
const chunk = (prefix) => files.filter((f) => f.startsWith(prefix) && f.endsWith('.js'))
const conversation = new Set(start) // Markdown comes after it: texts are shown as written until then
for (const name of [...chunk('ChatsPage'), ...chunk('app')]) if (!german(name)) closure(name, conversation)
const join = new Set(start)
for (const name of chunk('JoinPage')) closure(name, join)
const sum = (names) => [...names].reduce((n, name) => n + size(name), 0)
const css = files.filter((f) => f.endsWith('.css'))
const fonts = files.filter((f) => f.endsWith('.woff2')).map((f) => readFileSync(assets + f).length)

let wrong = false
for (const [what, is, most] of [
  ['entry', sum(start), 75 * kB],
  ['join page', sum(join), 75 * kB],
  ['conversation', sum(conversation), 115 * kB],
  ['styles', sum(css), 14 * kB],
  ['font', Math.max(0, ...fonts), 50 * kB],
]) {
  console.log(`${what.padEnd(13)} ${(is / kB).toFixed(1).padStart(6)} kB of ${most / kB} kB`)
  wrong ||= is > most
}
process.exitCode = wrong ? 1 : 0
