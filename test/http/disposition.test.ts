import { expect, it } from 'vitest'
import { dispositionOf } from '../../src/http/content.ts'

it('S15 names of any kind become one header, in ASCII and as they are, without a path', () => {
  const cases: [name: string, ascii: string, encoded: string][] = [
    ['song.wav', 'song.wav', 'song.wav'],
    ['Größe "neu".wav', 'Gr__e _neu_.wav', 'Gr%C3%B6%C3%9Fe%20%22neu%22.wav'],
    ['../../etc/passwd', '.._.._etc_passwd', '.._.._etc_passwd'],
    ['C:\\songs\\a.wav', 'C:_songs_a.wav', 'C%3A_songs_a.wav'],
    ['a\r\nSet-Cookie: x=1', 'aSet-Cookie: x=1', 'aSet-Cookie%3A%20x%3D1'],
    ['nul\0.wav', 'nul.wav', 'nul.wav'],
    ['song\u202egpj.exe', 'songgpj.exe', 'songgpj.exe'],
    ["it's (1)*.wav", "it's (1)*.wav", 'it%27s%20%281%29%2A.wav'],
    ['100%41.wav', '100_41.wav', '100%2541.wav'],
    ['曲.wav', '_.wav', '%E6%9B%B2.wav'],
    ['half \ud83d', 'half _', 'half%20%EF%BF%BD'],
    ['', 'file', 'file'],
    [' \u0007 ', 'file', 'file'],
  ]
  for (const [name, ascii, encoded] of cases)
    expect(dispositionOf('attachment', name), name).toBe(`attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`)
  const long = dispositionOf('inline', '🎵'.repeat(10_000))
  expect(long.length).toBeLessThan(2_500)
  expect(decodeURIComponent(long.split("''")[1] ?? '')).toBe('🎵'.repeat(150))
})
