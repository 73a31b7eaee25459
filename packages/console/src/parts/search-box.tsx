import '../styles/top.css'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { lazy } from '../lib/lazy.tsx'
import { address, base, go, routeOf, searchPath } from '../lib/router.ts'
import { texts } from '../texts.ts'
import { SearchIcon } from './frame-icons.tsx'

const Panel = lazy(() => import('./search-panel.tsx').then(({ SearchPanel }) => SearchPanel), null)

/** Puts the focus where one searches; where there is no room for that, its page is opened. */
export function focusSearch(): void {
  const input = document.getElementById('search')
  if (input instanceof HTMLInputElement && input.offsetParent !== null) input.select()
  else go('/search')
}

/** The search box of every page, with what is found while one types; the page of searching has its own. */
export function SearchBox() {
  const route = routeOf(useCell(address))
  const [q, setQ] = useState('')
  const [isOpen, setOpen] = useState(false)
  const [active, setActive] = useState<string | null>(null)
  const input = useRef<HTMLInputElement>(null)
  const listId = useId()
  const at = useCell(address)
  useEffect(() => setOpen(false), [at])
  if (route.name === 'search') return null
  const isShown = isOpen && q.trim() !== ''
  return (
    <>
      <a class="icon-button narrow-only" href={`${base}/search`} aria-label={texts.frame.search}>
        <SearchIcon />
      </a>
      <search
        class="search-box wide-only"
        onFocusOut={({ relatedTarget, currentTarget }) => {
          if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) setOpen(false)
        }}
      >
        <SearchIcon />
        <input
          ref={input}
          id="search"
          type="text"
          role="combobox"
          aria-label={texts.frame.searchLabel}
          placeholder={texts.frame.search}
          aria-expanded={isShown}
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={(isShown && active) || undefined}
          value={q}
          maxLength={200}
          dir="auto"
          autocomplete="off"
          enterKeyHint="search"
          onInput={(event) => {
            setQ(event.currentTarget.value)
            setOpen(true)
          }}
          onFocus={() => setOpen(true)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') {
              event.preventDefault()
              if (isShown) setOpen(false)
              else event.currentTarget.blur()
            } else if (event.key === 'Enter' && q.trim() !== '' && (!isShown || active === null)) {
              setOpen(false)
              go(searchPath(q.trim()))
            }
          }}
        />
        {isShown && <Panel q={q.trim()} listId={listId} input={input} active={active} onActive={setActive} />}
        {!isShown && <div id={listId} role="listbox" hidden aria-label={texts.frame.search} />}
      </search>
    </>
  )
}
