import type { Cut } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { base, projectPath } from '../lib/router.ts'
import { Comments } from '../parts/comments.tsx'
import { texts } from '../texts.ts'
import { CutDialog } from './cut-dialog.tsx'
import { LyricsPanel } from './lyrics.tsx'
import { NotFound } from './not-found.tsx'

const words = texts.cuts
type Part = 'comments' | 'lyrics'

function Head({ cut }: { cut: Cut }) {
  const mayEdit = useMay('editor')
  const vibe = useRoomValue(({ state }) => state?.vibes.get(cut.vibeId), [cut.vibeId])
  const [isEditing, setEditing] = useState(false)
  return (
    <div class="page-head">
      <div class="grow">
        <p class="small quiet row">
          <a href={base + projectPath(cut.projectId, 'cuts')}>{words.back}</a>
          <span class="clip" title={vibe?.name}>
            {vibe?.name}
          </span>
        </p>
        <h1 class="long" dir="auto">
          {cut.name}
        </h1>
      </div>
      {cut.bpm !== null && <span class="chip">{words.bpmShort(cut.bpm)}</span>}
      {cut.timeSignature !== null && <span class="chip">{cut.timeSignature}</span>}
      {mayEdit && (
        <button type="button" class="button" onClick={() => setEditing(true)}>
          {words.rename}
        </button>
      )}
      {isEditing && <CutDialog cut={cut} onClose={() => setEditing(false)} />}
    </div>
  )
}

/** A cut: its lyrics, and what is said about it. */
export function CutView({ cutId, commentId }: { cutId: string; commentId: string | null }) {
  const room = useRoom()
  const cut = useRoomValue(({ state }) => state?.cuts.get(cutId), [cutId])
  const [shown, setShown] = useState<Part>('comments')
  useEffect(() => {
    room.setPresence({ cutId })
    return () => room.setPresence(null)
  }, [room, cutId])
  if (!cut) return <NotFound title={words.gone} text={texts.problems['not-found']} />
  const parts: readonly [Part, string][] = [
    ['lyrics', texts.lyrics.title],
    ['comments', texts.comments.title],
  ]
  return (
    <div class="cut-page">
      <Head cut={cut} />
      <fieldset class="switch narrow-only" aria-label={words.parts}>
        {parts.map(([part, name]) => (
          <button key={part} type="button" class="button tight" aria-pressed={shown === part} onClick={() => setShown(part)}>
            {name}
          </button>
        ))}
      </fieldset>
      <div class={`cut-parts shows-${shown}`}>
        <LyricsPanel cutId={cutId} />
        <div class="panel fixed">
          <Comments target={{ kind: 'cut', id: cutId }} commentId={commentId} />
        </div>
      </div>
    </div>
  )
}
