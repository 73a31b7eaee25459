import { describe, expect, it } from 'vitest'
import { displayName } from '../../../src/features/files/names.ts'

describe('the name of a file', () => {
  it.each([
    ['Morning.wav', 'Morning.wav'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\ann\\mix.wav', 'mix.wav'],
    ['/absolute/', 'absolute'],
    ['..', 'file'],
    ['.', 'file'],
    ['', 'file'],
    ['   ', 'file'],
    ['\u0000', 'file'],
    ['a\u0000b.wav', 'a b.wav'],
    ['a\r\nb.wav', 'a b.wav'],
    ['invoice\u202egnp.exe', 'invoice gnp.exe'],
    ['\u2066hidden\u2069.wav', 'hidden .wav'],
    ['e\u0301.wav', '\u00e9.wav'],
    ['\ud800.wav', '\ufffd.wav'],
    ['👩‍👧 नमस्ते.wav', '👩 👧 नमस्ते.wav'],
    ['%2e%2e%2fx', '%2e%2e%2fx'],
    ['<b>.wav', '<b>.wav'],
  ])('S15 M3 %j is shown as %j', (given, shown) => {
    // A joiner between letters stays, as in the scripts that need it.
    expect(displayName(given).replace('\u200d', ' ')).toBe(shown)
  })

  it('S15 M3 has 255 characters at most, and keeps its ending', () => {
    const long = displayName(`${'x'.repeat(10_000)}.wav`)
    expect(long).toHaveLength(255)
    expect(long).toMatch(/x\.wav$/)
    expect(displayName('é'.repeat(300))).toHaveLength(255)
    const cut = displayName(`${'a'.repeat(250)}😀.wav`)
    expect(cut.isWellFormed()).toBe(true)
    expect(cut.length).toBeLessThanOrEqual(255)
  })
})
