import { CutroomError, cuts, type Lyrics } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { type Draft, keepDraft, keptDraft, type Line, linesOf, sameLine, textOf } from '../lib/lyrics.ts'
import { merge, type Part } from '../lib/merge.ts'
import { useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { mediaTime } from '../lib/time.ts'
import { Area, Form, type Submission, useSubmission } from '../parts/form.tsx'
import { texts } from '../texts.ts'
import { LyricsMerge } from './lyrics-merge.tsx'

const words = texts.lyrics

function Shown({ lines, onEdit }: { lines: readonly Line[]; onEdit: (() => void) | null }) {
  return (
    <div class="stack">
      {lines.length === 0 ? (
        <p class="quiet">{words.empty}</p>
      ) : (
        <ol class="lyrics" dir="auto">
          {lines.map(({ atMs, text }, n) => (
            <li key={n}>
              {atMs !== null && <span class="chip">{mediaTime(atMs)}</span>}
              <span>{text || '\u00a0'}</span>
            </li>
          ))}
        </ol>
      )}
      {onEdit && (
        <p>
          <button type="button" class="button" onClick={onEdit}>
            {lines.length === 0 ? words.write : words.edit}
          </button>
        </p>
      )}
    </div>
  )
}

interface Conflict {
  parts: readonly Part<Line>[]
  theirs: Lyrics
}

function Editor(props: {
  draft: Draft
  isBehind: boolean
  submission: Submission
  onWrite: (text: string) => void
  onSave: () => Promise<void>
  onCancel: () => void
}) {
  return (
    <Form
      submission={props.submission}
      action={texts.save}
      work={props.onSave}
      beside={
        <button type="button" class="button" onClick={props.onCancel}>
          {texts.cancel}
        </button>
      }
    >
      {props.isBehind && (
        <p class="note warn" role="status">
          {words.changedBy}
        </p>
      )}
      <Area label={words.label} value={props.draft.text} onInput={props.onWrite} rows={16} spellcheck />
      <p class="quiet small">{words.help}</p>
    </Form>
  )
}

/**
 * The lyrics of a cut. A save names the version that the editing began with; when another person was faster, both texts are merged
 * by lines, and what both changed is asked about.
 */
export function LyricsPanel({ cutId }: { cutId: string }) {
  const room = useRoom()
  const mayEdit = useMay('editor')
  const current = useRoomValue(({ state }) => state?.lyrics.get(cutId), [cutId])
  const [draft, setDraft] = useState<Draft | null>(() => keptDraft(cutId))
  const [conflict, setConflict] = useState<Conflict | null>(null)
  const submission = useSubmission()
  const change = (next: Draft | null) => {
    setDraft(next)
    keepDraft(cutId, next)
  }
  const version = current?.version ?? 0
  const write = async (lines: readonly Line[], begun: Draft['begun']): Promise<void> => {
    try {
      await client.call(cuts.writeLyrics, { params: { cutId }, body: { lyrics: [...lines] }, ifMatch: begun.version })
    } catch (error) {
      if (!(error instanceof CutroomError) || error.code !== 'stale') throw error
      const theirs = error.problem.current as Lyrics
      const parts = merge(begun.lines, lines, theirs.lyrics, sameLine)
      const next = { lines: theirs.lyrics, version: theirs.version }
      if (parts.some(({ kind }) => kind === 'choice')) {
        setConflict({ parts, theirs })
        return
      }
      await write(
        parts.flatMap((part) => (part.kind === 'same' ? part.lines : [])),
        next,
      )
      return
    }
    setConflict(null)
    change(null)
    announce(texts.saved)
  }
  return (
    <section class="panel" aria-label={words.title}>
      <h2>{words.title}</h2>
      {conflict && draft ? (
        <LyricsMerge
          parts={conflict.parts}
          submission={submission}
          onSave={(lines) => write(lines, { lines: conflict.theirs.lyrics, version: conflict.theirs.version })}
          onBack={() => setConflict(null)}
        />
      ) : draft ? (
        <Editor
          draft={draft}
          isBehind={version > draft.begun.version}
          submission={submission}
          onWrite={(text) => {
            change({ ...draft, text })
            room.setTyping(cutId, true)
          }}
          onSave={() => write(linesOf(draft.text), draft.begun)}
          onCancel={() => change(null)}
        />
      ) : (
        <Shown
          lines={current?.lyrics ?? []}
          onEdit={
            mayEdit
              ? () => {
                  const lines = current?.lyrics ?? []
                  change({ text: textOf(lines), begun: { lines, version } })
                }
              : null
          }
        />
      )}
    </section>
  )
}
