import { cuts, type Room } from '@cutroom/client'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { useEdit } from '../lib/edits.ts'
import { lazy } from '../lib/lazy.tsx'
import { conflictOf, type Draft, goOn, keepDraft, keptDraft, type Line, linesOf, newDraft, sendLyrics } from '../lib/lyrics.ts'
import { complain, useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { mediaTime } from '../lib/time.ts'
import { Area, Form, type Submission, useSubmission } from '../parts/form.tsx'
import { Pending } from '../parts/pending.tsx'
import { texts } from '../texts.ts'
import { cutTexts } from '../texts-cuts.ts'

const words = cutTexts.lyrics
/** Only where two people have changed the same lines. */
const LyricsMerge = lazy(() => import('./lyrics-merge.tsx').then(({ LyricsMerge }) => LyricsMerge))

function Shown({ lines, isPending, onEdit }: { lines: readonly Line[]; isPending: boolean; onEdit: (() => void) | null }) {
  return (
    <div class="stack">
      {lines.length === 0 ? (
        <p class="quiet">{words.empty}</p>
      ) : (
        <ol class={`lyrics${isPending ? ' pending' : ''}`} dir="auto">
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

function Editor(props: {
  draft: Draft
  isBehind: boolean
  /** An earlier save is not confirmed. */
  isWaiting: boolean
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
      disabled={props.isWaiting}
      beside={
        <button type="button" class="button" onClick={props.onCancel}>
          {texts.cancel}
        </button>
      }
    >
      {props.isWaiting && (
        <p class="note" role="status">
          {words.waits}
        </p>
      )}
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

/** The lyrics that were saved and are not confirmed; merged and saved again where another person changed other lines by then. */
function useSaved(room: Room, cutId: string) {
  const mutation = useEdit(cuts.writeLyrics, cutId)
  const conflict = useMemo(() => conflictOf(cutId, mutation), [cutId, mutation])
  const resolve = async (lines: readonly Line[]) => {
    if (!conflict) return
    await sendLyrics(room, cutId, lines, conflict.theirs)
    mutation?.discard()
  }
  const isClear = conflict?.parts.every(({ kind }) => kind === 'same') ?? false
  useEffect(() => {
    if (!conflict || !isClear) return
    resolve(conflict.parts.flatMap((part) => (part.kind === 'same' ? part.lines : []))).catch(complain)
  }, [conflict, isClear])
  return { mutation, conflict: isClear ? null : conflict, resolve }
}

/** What is being written, kept over a reload. */
function useDraft(cutId: string): [Draft | null, (next: Draft | null) => void] {
  const [kept, setDraft] = useState<Draft | null>(() => keptDraft(cutId))
  const confirmed = useRoomValue(
    ({ state, pending }) => (pending.has(cutId) ? null : (state?.lyrics.get(cutId) ?? null)),
    [cutId],
  )
  const change = (next: Draft | null) => {
    setDraft(next)
    keepDraft(cutId, next)
  }
  const draft = useMemo(() => goOn(kept, confirmed), [kept, confirmed])
  useEffect(() => {
    if (draft !== kept) change(draft)
  }, [draft, kept])
  return [draft, change]
}

/**
 * The lyrics of a cut. A save names the version that the editing began with; when another person was faster, both texts are merged
 * by lines, and what both changed is asked about.
 */
export function LyricsPanel({ cutId }: { cutId: string }) {
  const room = useRoom()
  const mayEdit = useMay('editor')
  const current = useRoomValue(({ state }) => state?.lyrics.get(cutId), [cutId])
  const [draft, change] = useDraft(cutId)
  const { mutation, conflict, resolve } = useSaved(room, cutId)
  const submission = useSubmission()
  const { lyrics: lines = [], version = 0 } = current ?? {}
  if (conflict)
    return (
      <section class="panel lyrics-panel" aria-label={words.title}>
        <h2>{words.title}</h2>
        <LyricsMerge
          parts={conflict.parts}
          submission={submission}
          onSave={resolve}
          onBack={() => {
            change(draft ?? conflict.mine)
            mutation?.discard()
          }}
        />
      </section>
    )
  return (
    <section class="panel lyrics-panel" aria-label={words.title}>
      <h2>{words.title}</h2>
      <Pending mutation={mutation} />
      {draft ? (
        <Editor
          draft={draft}
          isBehind={!mutation && version > draft.begun.version}
          isWaiting={mutation !== undefined}
          submission={submission}
          onWrite={(text) => {
            change({ ...draft, text })
            room.setTyping(cutId, true)
          }}
          onSave={async () => {
            await sendLyrics(room, cutId, linesOf(draft.text), draft.begun)
            change(null)
          }}
          onCancel={() => change(null)}
        />
      ) : (
        <Shown
          lines={lines}
          isPending={mutation !== undefined}
          onEdit={mayEdit ? () => change(newDraft(cutId, lines, version, mutation)) : null}
        />
      )}
    </section>
  )
}
