import '../styles/layout.css'
import '../styles/lists.css'
import type { Project } from '@cutroom/client'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { isHelpOpen } from '../lib/help.ts'
import { useKeys } from '../lib/keys.ts'
import { lazy } from '../lib/lazy.tsx'
import { address, base, go, projectPath } from '../lib/router.ts'
import { client } from '../lib/session.ts'
import { useSelected } from '../lib/use-selected.ts'
import { Bell } from '../parts/bell.tsx'
import { ChatLink } from '../parts/chat-link.tsx'
import { ActivityIcon } from '../parts/frame-icons.tsx'
import { BoardIcon, CutsIcon, LogoIcon, MeIcon, PeopleIcon, SettingsIcon } from '../parts/icons.tsx'
import { focusSearch, SearchBox } from '../parts/search-box.tsx'
import { texts } from '../texts.ts'

const Help = lazy(() => import('./help.tsx').then(({ Help }) => Help), null)
const PLACES = [
  ['', texts.frame.board, BoardIcon],
  ['cuts', texts.frame.cuts, CutsIcon],
  ['activity', texts.frame.activity, ActivityIcon],
  ['members', texts.frame.members, PeopleIcon],
  ['settings', texts.frame.settings, SettingsIcon],
] as const
const MOST = 50

/** Projects by name, those of the person who is signed in; null until they are loaded. */
export function useProjects(): readonly Project[] | null {
  const projects = useSelected(() => client.user.select(({ projects }) => projects), [])
  return projects && [...projects.values()].sort((a, b) => a.name.localeCompare(b.name, texts.locale))
}

function Side({ projectId }: { projectId?: string }) {
  const at = new URL(useCell(address), 'http://page').pathname
  const projects = (useProjects() ?? []).filter(({ id }) => id !== projectId).slice(0, MOST)
  const link = (to: string, text: string, Icon?: () => ComponentChildren, within = false) => (
    <li key={to}>
      <a href={base + to} aria-current={at === to || (within && at.startsWith(`${to}/`)) ? 'page' : undefined}>
        {Icon && <Icon />}
        <span class="clip">{text}</span>
      </a>
    </li>
  )
  return (
    <nav class={projectId === undefined ? 'side bare' : 'side'} aria-label={texts.frame.places}>
      {projectId !== undefined && (
        <ul>{PLACES.map(([place, text, Icon]) => link(projectPath(projectId, place), text, Icon, place === 'cuts'))}</ul>
      )}
      {projectId === undefined && <ul>{link('/activity', texts.frame.activity, ActivityIcon)}</ul>}
      {projects.length > 0 && (
        <div class={projectId === undefined ? 'own' : 'others'}>
          <h2>{projectId === undefined ? texts.frame.projects : texts.frame.otherProjects}</h2>
          <ul>{projects.map(({ id, name }) => link(projectPath(id), name))}</ul>
        </div>
      )}
    </nav>
  )
}

/** Where the focus begins on a new page: what has just been opened is read out. */
function useFocusOnChange() {
  const main = useRef<HTMLElement>(null)
  const path = new URL(useCell(address), 'http://page').pathname
  const shown = useRef(path)
  useEffect(() => {
    if (shown.current === path) return
    shown.current = path
    main.current?.focus()
  }, [path])
  return main
}

/** What stands around every page of a person who is signed in. */
export function Frame(props: {
  title: string
  projectId?: string
  top?: ComponentChildren
  bar?: ComponentChildren
  drawer?: ComponentChildren
  fixed?: boolean
  children: ComponentChildren
}) {
  const main = useFocusOnChange()
  const { projectId } = props
  useEffect(() => {
    document.title = `${props.title} · ${texts.name}`
  }, [props.title])
  const open = (place: string) => () => (projectId === undefined ? false : go(projectPath(projectId, place)))
  useKeys({
    '?': () => {
      isHelpOpen.value = true
    },
    'g p': () => go('/'),
    'g b': open(''),
    'g c': open('cuts'),
    'g m': open('members'),
    'g a': () => go(projectId === undefined ? '/activity' : projectPath(projectId, 'activity')),
    'g i': () => go('/inbox'),
    'g t': () => go('/chat'),
    '/': focusSearch,
  })
  return (
    <div class="frame">
      <header class="top">
        <a class="brand" href={`${base}/`} aria-label={texts.frame.home}>
          <LogoIcon />
          <span>{texts.name}</span>
        </a>
        <div class="where clip" title={props.title}>
          {props.title}
        </div>
        <SearchBox />
        {props.top}
        <Bell />
        <ChatLink />
        <a class="icon-button" href={`${base}/me`} aria-label={texts.frame.me}>
          <MeIcon />
        </a>
      </header>
      <div class="bar">{props.bar}</div>
      <Side {...(projectId === undefined ? {} : { projectId })} />
      <main ref={main} class={`main${props.fixed ? ' fixed' : ''}`} tabIndex={-1}>
        {props.children}
      </main>
      {props.drawer}
      {useCell(isHelpOpen) && <Help />}
    </div>
  )
}
