import { Lexer, type Token, type Tokens } from 'marked'
import { h, type VNodeChild } from 'vue'

/** Addresses that a link may lead to. */
const safe = /^(?:https?:\/\/|mailto:)/i

/** What marks the name of somebody who is mentioned. */
export interface Names {
  /** The lower-case names of those whom the message mentions. */
  mentioned: Set<string>
  /** The reader's own, marked more strongly. */
  own: string
}

/**
 * Returns a message as elements: emphasis, code, lists, quotes and links. It never makes
 * HTML of text, so whatever else is written stays the text that it is.
 */
export function render(text: string, names: Names): VNodeChild[] {
  return blocks(new Lexer({ gfm: true, breaks: true }).lex(text), names)
}

function blocks(tokens: Token[], names: Names): VNodeChild[] {
  return tokens.map((t) => block(t, names))
}

function block(t: Token, names: Names): VNodeChild {
  switch (t.type) {
    case 'space':
      return null
    case 'paragraph':
    case 'text':
      return h('p', inline(t, names))
    case 'heading':
      return h('p', h('strong', inline(t, names)))
    case 'code':
      return h('pre', { tabindex: 0 }, h('code', (t as Tokens.Code).text))
    case 'blockquote':
      return h('blockquote', blocks((t as Tokens.Blockquote).tokens, names))
    case 'list': {
      const list = t as Tokens.List
      const items = list.items.map((i) => h('li', i.tokens.map((c) => (c.type === 'text' ? inline(c, names) : block(c, names)))))
      return list.ordered ? h('ol', { start: list.start || 1 }, items) : h('ul', items)
    }
    default:
      return h('p', t.raw.trimEnd()) // tables, rules, HTML: as they were written
  }
}

function inline(t: Token, names: Names): VNodeChild[] {
  const inner = (t as { tokens?: Token[] }).tokens
  if (!inner) return words(t.raw, names) // marked decodes some entities in `text`
  return inner.map((c) => span(c, names)).flat()
}

function span(t: Token, names: Names): VNodeChild[] {
  switch (t.type) {
    case 'strong':
      return [h('strong', inline(t, names))]
    case 'em':
      return [h('em', inline(t, names))]
    case 'del':
      return [h('s', inline(t, names))]
    case 'codespan':
      return [h('code', (t as Tokens.Codespan).text)]
    case 'br':
      return [h('br')]
    case 'escape':
      return [(t as Tokens.Escape).text]
    case 'text':
      return inline(t, names)
    case 'link': {
      const { href } = t as Tokens.Link
      if (!safe.test(href)) return [t.raw]
      return [h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, inline(t, names))]
    }
    default:
      return [t.raw] // pictures and HTML: as they were written
  }
}

/** Marks the names of those who are mentioned. */
function words(text: string, names: Names): VNodeChild[] {
  if (names.mentioned.size === 0) return [text]
  return text.split(/(@[\p{L}\p{N}_.+@-]+)/u).map((part) => {
    if (!part.startsWith('@')) return part
    const name = part.slice(1).toLowerCase()
    for (const known of [name, name.replace(/[.+@-]+$/, '')]) {
      if (!names.mentioned.has(known)) continue
      const mark = h('span', { class: ['mention', { me: known === names.own }] }, part.slice(0, known.length + 1))
      return [mark, part.slice(known.length + 1)]
    }
    return part
  }).flat()
}
