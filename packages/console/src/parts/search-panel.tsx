import '../styles/search.css'
import type { SearchHit } from '@cutroom/client'
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect } from 'preact/hooks'
import { base, go, searchPath } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { useSearch } from '../lib/search.ts'
import { texts } from '../texts.ts'
import { searchTexts as words } from '../texts-search.ts'
import { Hit } from './hit.tsx'
import { SearchNotes } from './search-notes.tsx'

/** Of each kind, below the box. */
const LIMIT = 4
/** Altogether: what is below can be seen without scrolling far. */
const MOST = 10
interface Option {
  id: string
  link: string
  hit: SearchHit | null
}

/** What is found while one types: a list below the box that the arrow keys go through. */
export function SearchPanel(props: {
  q: string
  listId: string
  input: RefObject<HTMLInputElement | null>
  active: string | null
  onActive: (id: string | null) => void
}) {
  const { q, listId, input, active, onActive } = props
  const found = useSearch({ q, limit: LIMIT })
  const hits = (found.answer?.groups ?? []).flatMap((group) => group.hits).slice(0, MOST)
  const options: readonly Option[] = [
    ...hits.map((hit, n) => ({ id: `${listId}-${n}`, link: hit.link, hit })),
    { id: `${listId}-all`, link: searchPath(q), hit: null },
  ]
  useEffect(() => onActive(null), [q])
  useEffect(() => {
    if (found.answer && !found.isBusy) announce(words.found(hits.length))
  }, [found.answer, found.isBusy])
  // Before the next key: it goes on from what is chosen now.
  useLayoutEffect(() => {
    const box = input.current
    const onKey = (event: KeyboardEvent) => {
      const at = options.findIndex(({ id }) => id === active)
      if (event.key === 'Enter' && at >= 0) go((options[at] as Option).link)
      else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        const step = event.key === 'ArrowDown' ? 1 : -1
        const next = at < 0 && step < 0 ? options.length - 1 : at + step
        onActive(options[next]?.id ?? null)
      } else return
      event.preventDefault()
    }
    box?.addEventListener('keydown', onKey)
    return () => box?.removeEventListener('keydown', onKey)
  })
  useEffect(() => {
    if (active) document.getElementById(active)?.scrollIntoView({ block: 'nearest' })
  }, [active])
  return (
    <div class="search-panel">
      <SearchNotes found={found} q={q} count={hits.length} />
      <div id={listId} role="listbox" aria-label={texts.frame.search} aria-busy={found.isBusy}>
        {options.map(({ id, link, hit }) => (
          <a
            key={id}
            id={id}
            role="option"
            aria-selected={id === active}
            tabIndex={-1}
            class="hit"
            href={base + link}
            // the box keeps the focus until the click has gone where it goes
            onMouseDown={(event) => event.preventDefault()}
          >
            {hit ? <Hit hit={hit} isShort /> : words.all(q)}
          </a>
        ))}
      </div>
    </div>
  )
}
