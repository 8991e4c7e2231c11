import { expect, test } from 'vitest'
import { Backoff } from '../../src/delivery/backoff'

test('waits a random part of 1, 2, 4 and then 8 seconds', () => {
  const b = new Backoff(() => 0.5)
  expect([1, 2, 3, 4, 5, 6].map(() => b.next())).toEqual([500, 1_000, 2_000, 4_000, 4_000, 4_000])
  b.reset()
  expect(b.next()).toBe(500)
})

test('is spread over all of that time', () => {
  const waits = Array.from({ length: 1_000 }, () => new Backoff().next())
  expect(Math.min(...waits)).toBeLessThan(50)
  expect(Math.max(...waits)).toBeGreaterThan(950)
  expect(Math.max(...waits)).toBeLessThanOrEqual(1_000)
})
