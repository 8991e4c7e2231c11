import { render as mount, h } from 'vue'
import { describe, expect, test } from 'vitest'
import { render } from '../../src/conversation/markdown'

function html(text: string, mentioned: string[] = [], own = ''): string {
  const box = document.createElement('div')
  mount(h('div', render(text, { mentioned: new Set(mentioned), own })), box)
  return box.firstElementChild!.innerHTML
}

describe('what it renders', () => {
  test.each([
    ['**bold** and *italic* and ~~gone~~', '<p><strong>bold</strong> and <em>italic</em> and <s>gone</s></p>'],
    ['`a < b`', '<p><code>a &lt; b</code></p>'],
    ['one\ntwo', '<p>one<br>two</p>'],
    ['- a\n- b', '<ul><li>a</li><li>b</li></ul>'],
    ['3. a\n4. b', '<ol start="3"><li>a</li><li>b</li></ol>'],
    ['> quoted', '<blockquote><p>quoted</p></blockquote>'],
    ['```\ncode *here*\n```', '<pre tabindex="0"><code>code *here*</code></pre>'],
    ['# Loud', '<p><strong>Loud</strong></p>'],
    ['[a](https://example.com/?q=1)', '<p><a href="https://example.com/?q=1" target="_blank" rel="noopener noreferrer nofollow">a</a></p>'],
    ['2 \\* 3', '<p>2 * 3</p>'],
  ])('%s', (text, want) => expect(html(text)).toBe(want))
})

describe('what it leaves as written', () => {
  test.each([
    '<img src=x onerror=alert(1)>', '<script>alert(1)</script>', '[x](javascript:alert(1))', '[x](data:text/html,hi)', '[x](vbscript:x)', '![a](https://example.com/a.png)',
    '[x](JaVaScRiPt:alert(1))', '[x](java\tscript:alert(1))', '[x](//evil.example)', '[x](/api/)', '<svg/onload=alert(1)>', '<a href="javascript:x">y</a>', '<!-- c -->', '&lt;b&gt;', '&#60;b&#62;',
  ])('%s', (text) => {
    const box = document.createElement('div')
    mount(h('div', render(text, { mentioned: new Set(), own: '' })), box)
    expect(box.querySelectorAll('img, script, svg, a')).toHaveLength(0)
    expect(box.textContent).toBe(text)
  })
})

test('marks those who are mentioned, and oneself more', () => {
  expect(html('hi @Ada and @bob, not @cid', ['ada', 'bob'], 'bob')).toBe('<p>hi <span class="mention">@Ada</span> and <span class="mention me">@bob</span>, not @cid</p>')
  expect(html('thanks @ada.', ['ada'])).toBe('<p>thanks <span class="mention">@ada</span>.</p>')
  expect(html('`@ada`', ['ada'])).toBe('<p><code>@ada</code></p>')
})
