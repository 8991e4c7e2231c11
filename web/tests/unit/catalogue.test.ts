import { expect, test } from 'vitest'
import { readdirSync, readFileSync } from 'node:fs'

const folder = 'src/i18n'
type Texts = { [key: string]: string | Texts }

function keys(texts: Texts, before = ''): Map<string, string> {
  const all = new Map<string, string>()
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === 'string') all.set(before + key, value)
    else for (const [k, v] of keys(value, `${before}${key}.`)) all.set(k, v)
  }
  return all
}
const read = (language: string, part: string) => keys(JSON.parse(readFileSync(`${folder}/${language}/${part}.json`, 'utf8')) as Texts)

test('each language says everything, with the same blanks', () => {
  for (const part of ['start', 'app']) {
    const english = read('en', part)
    const german = read('de', part)
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort())
    for (const [key, text] of english) {
      const blanks = (s: string) => [...new Set(s.match(/\{\w+\}/g))].sort()
      expect(blanks(german.get(key)!), key).toEqual(blanks(text))
      expect(german.get(key)!.split(' | ').length, key).toBe(text.split(' | ').length)
    }
  }
})

test('what is said is in the catalogue, and the catalogue is said', () => {
  const source = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((f) => /\.(vue|ts)$/.test(f)).map((f) => readFileSync(`src/${f}`, 'utf8')).join('\n')
  const known = new Set([...read('en', 'start').keys(), ...read('en', 'app').keys()])
  const groups = new Set([...known].map((k) => k.split('.')[0]!))
  const said = [...source.matchAll(/(?:'|keypath=")([a-z]+\.[a-zA-Z_]+)['"]/g)].map((m) => m[1]!).filter((k) => groups.has(k.split('.')[0]!))
  expect(said.filter((k) => !known.has(k))).toEqual([])
  const patterns = [...source.matchAll(/`([a-z]+\.[^`\s]*\$\{[^`]*)`/g)].map((m) => new RegExp(`^${m[1]!.split(/\$\{[^}]*\}/).map((s) => s.replace('.', '\\.')).join('\\w+')}$`))
  expect([...known].filter((k) => !said.includes(k) && !patterns.some((p) => p.test(k)))).toEqual([])
})
