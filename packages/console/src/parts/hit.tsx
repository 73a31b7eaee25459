import type { SearchHit } from '@cutroom/client'
import type { ComponentChildren } from 'preact'
import { searchTexts } from '../texts-search.ts'
import { Ago } from './face.tsx'

/** A text with the words marked that were found in it. */
function Marked({ text, ranges }: { text: string; ranges: SearchHit['ranges'] }) {
  const parts: ComponentChildren[] = []
  let end = 0
  for (const [from, to] of ranges) {
    parts.push(text.slice(end, from), <mark key={from}>{text.slice(from, to)}</mark>)
    end = to
  }
  return (
    <>
      {parts}
      {text.slice(end)}
    </>
  )
}

/** What was found, in a few lines. */
export function Hit({ hit, isShort = false }: { hit: SearchHit; isShort?: boolean }) {
  const { title, titleRanges, text, ranges, projectName, author, at, type } = hit
  return (
    <>
      <strong class="clip hit-title" dir="auto">
        <Marked text={title} ranges={titleRanges} />
      </strong>
      {text !== '' && (
        <span class="hit-text" dir="auto">
          <Marked text={text} ranges={ranges} />
        </span>
      )}
      <span class="quiet small clip">
        {[isShort && searchTexts.types[type], type !== 'project' && projectName, author?.name].filter(Boolean).join(' · ')}
        {!isShort && (
          <>
            {' · '}
            <Ago at={at} />
          </>
        )}
      </span>
    </>
  )
}
