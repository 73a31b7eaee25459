import '../styles/feed.css'
import '../styles/search.css'
import type { SearchAnswer, SearchType } from '@cutroom/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { base, go, withQuery } from '../lib/router.ts'
import { useRowKeys } from '../lib/row-keys.ts'
import { announce } from '../lib/say.ts'
import { MAX_QUERY, useSearch } from '../lib/search.ts'
import { Choice } from '../parts/form.tsx'
import { SearchIcon } from '../parts/frame-icons.tsx'
import { Hit } from '../parts/hit.tsx'
import { SearchNotes } from '../parts/search-notes.tsx'
import { searchTexts as words } from '../texts-search.ts'
import { useProjects } from './frame.tsx'

/** Of each kind, and of one kind alone: as many as the server gives. */
const LIMIT = 8
const LIMIT_OF_ONE = 25
const TYPES = Object.keys(words.types) as SearchType[]
const set = (name: string, value: string): void => go(withQuery(name, value === '' ? null : value), true)

function Group({ group, isAlone }: { group: SearchAnswer['groups'][number]; isAlone: boolean }) {
  const { type, hits, more } = group
  return (
    <section class="day" aria-labelledby={`group-${type}`}>
      <h2 id={`group-${type}`} class="day-name">
        {words.groups[type]}
      </h2>
      <ol class="card feed">
        {hits.map((hit) => (
          <li key={hit.id}>
            <a class="hit" data-row={hit.id} href={base + hit.link}>
              <Hit hit={hit} />
            </a>
          </li>
        ))}
      </ol>
      {more && isAlone && <p class="quiet small">{words.most}</p>}
      {more && !isAlone && (
        <p>
          <button type="button" class="button tight" onClick={() => set('types', type)}>
            {words.more(words.groups[type])}
          </button>
        </p>
      )}
    </section>
  )
}

/** The words in the field, which the address follows when typing rests. */
function useWords(q: string): [string, (text: string) => void] {
  const [text, setText] = useState(q)
  const typed = useRef(q)
  useEffect(() => {
    // the address was changed elsewhere
    if (q !== typed.current) setText(q)
    typed.current = q
  }, [q])
  return [
    text,
    (next) => {
      setText(next)
      typed.current = next.trim()
      if (typed.current !== q) set('q', typed.current)
    },
  ]
}

/** What is found in all projects and conversations, by kind. */
export function SearchView({ query }: { query: URLSearchParams }) {
  const q = (query.get('q') ?? '').slice(0, MAX_QUERY)
  const projectId = query.get('projectId')
  const type = TYPES.find((one) => one === query.get('types')) ?? null
  const [text, setText] = useWords(q)
  const input = useRef<HTMLInputElement>(null)
  const projects = useProjects() ?? []
  const found = useSearch({ q: q.trim(), projectId, type, limit: type === null ? LIMIT : LIMIT_OF_ONE })
  const groups = found.answer?.groups.filter(({ hits }) => hits.length > 0) ?? []
  const count = groups.reduce((sum, { hits }) => sum + hits.length, 0)
  useRowKeys()
  useEffect(() => input.current?.focus(), [])
  useEffect(() => {
    if (found.answer && !found.isBusy) announce(count === 0 ? words.none(found.of) : words.found(count))
  }, [found.answer, found.isBusy])
  return (
    <div class="page">
      <h1>{words.title}</h1>
      <search class="search-form">
        <div class="search-box">
          <SearchIcon />
          <input
            ref={input}
            id="search"
            type="search"
            aria-label={words.label}
            value={text}
            maxLength={MAX_QUERY}
            dir="auto"
            autocomplete="off"
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'ArrowDown') return
              event.preventDefault()
              document.querySelector<HTMLElement>('[data-row]')?.focus()
            }}
          />
        </div>
        <div class="filters">
          <Choice
            label={words.kind}
            value={type ?? ''}
            options={[{ value: '', text: words.anyKind }, ...TYPES.map((one) => ({ value: one, text: words.groups[one] }))]}
            onChoose={(value) => set('types', value)}
          />
          <Choice
            label={words.project}
            value={projectId ?? ''}
            options={[{ value: '', text: words.everywhere }, ...projects.map(({ id, name }) => ({ value: id, text: name }))]}
            onChoose={(value) => set('projectId', value)}
          />
        </div>
      </search>
      {q.trim() === '' ? (
        <div class="empty">
          <h2>{words.start}</h2>
          <p>{words.startText}</p>
        </div>
      ) : (
        <SearchNotes found={found} q={q.trim()} count={count} />
      )}
      <div class={`stack groups${found.isBusy && found.of !== q.trim() ? ' older' : ''}`} aria-busy={found.isBusy}>
        {groups.map((group) => (
          <Group key={group.type} group={group} isAlone={type !== null} />
        ))}
      </div>
    </div>
  )
}
