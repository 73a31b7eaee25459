import '../styles/sound.css'
import { type Cut, cuts, type File } from '@cutroom/client'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { soundOf, takesOf, useFiles } from '../lib/cut-files.ts'
import { cutDraftOf, saveCut, takeTheirs, theirsOf, useEdit } from '../lib/edits.ts'
import { lazy } from '../lib/lazy.tsx'
import { createPlayer, type Player } from '../lib/player.ts'
import { complain, useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { base, go, projectPath, withQuery } from '../lib/router.ts'
import { readMediaTime } from '../lib/time.ts'
import { Comments } from '../parts/comments.tsx'
import { Conflict } from '../parts/conflict.tsx'
import { CutState } from '../parts/cut-state.tsx'
import { FilesPanel } from '../parts/files.tsx'
import { useListening } from '../parts/listening.tsx'
import { Pending } from '../parts/pending.tsx'
import { useDropFiles } from '../parts/uploads.tsx'
import { texts } from '../texts.ts'
import { commentTexts } from '../texts-comments.ts'
import { cutTexts } from '../texts-cuts.ts'
import { soundTexts } from '../texts-sound.ts'
import { CutDialog } from './cut-dialog.tsx'
import { LyricsPanel } from './lyrics.tsx'
import { NotFound } from './not-found.tsx'

const words = cutTexts.cuts
/** It is loaded where there is something to play. */
const CutPlayer = lazy(
  () => import('../parts/cut-player.tsx').then(({ CutPlayer }) => CutPlayer),
  <div class="player player-waits" />,
)
type Part = 'comments' | 'files' | 'lyrics'

function Head({ cut, newest }: { cut: Cut; newest: File | undefined }) {
  const mayEdit = useMay('editor')
  const vibe = useRoomValue(({ state }) => state?.vibes.get(cut.vibeId), [cut.vibeId])
  const [isEditing, setEditing] = useState(false)
  const edited = useEdit(cuts.update, cut.id)
  const theirs = theirsOf<Cut>(edited)
  if (theirs)
    return (
      <Conflict
        mine={cutDraftOf(cut)}
        theirs={cutDraftOf(theirs)}
        names={{ name: words.cutName, bpm: words.bpm, timeSignature: words.signature }}
        show={(_, value) => value}
        onKeepMine={() => saveCut(cut, null).catch(complain)}
        onTakeTheirs={() => takeTheirs(cuts.update, cut.id)}
      />
    )
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
      <CutState cut={cut} newest={newest} />
      {mayEdit && (
        <button type="button" class="button tight" onClick={() => setEditing(true)}>
          {words.rename}
        </button>
      )}
      <Pending mutation={edited} />
      {isEditing && <CutDialog cut={cut} onClose={() => setEditing(false)} />}
    </div>
  )
}

function NoTake({ mayAdd }: { mayAdd: boolean }) {
  const { empty, emptyText, emptyRead } = soundTexts.player
  return (
    <div class="player empty-player">
      <p>
        <strong>{empty}</strong>
      </p>
      <p class="quiet small">{mayAdd ? emptyText : emptyRead}</p>
    </div>
  )
}

/** The player of the page; it begins where the address says, or with the comment or take that it names. */
function useCutPlayer(cutId: string, takes: readonly File[], from: Record<'commentId' | 'fileId' | 'at', string | null>): Player {
  const { commentId, fileId, at } = from
  const room = useRoom()
  const player = useMemo(createPlayer, [])
  useEffect(() => () => player.close(), [player])
  const hasSound = takes.length > 0
  useEffect(() => {
    // the last take is gone, or the cut: there are no controls any more
    if (!hasSound) return player.show(null)
    const comment = commentId === null ? undefined : room.state?.comments.get(commentId)
    const take = takes.find(({ id }) => id === (comment?.fileId ?? fileId))
    if (take) player.show(soundOf(take))
    const atMs = (at && readMediaTime(at)) ?? comment?.atMs
    if (typeof atMs === 'number') player.seek(atMs)
  }, [player, cutId, hasSound, commentId, fileId, at])
  return player
}

/** The part that the address is about: where there is no room for all, it alone is shown. */
const partOf = (query: URLSearchParams): Part =>
  query.get('part') === 'lyrics' ? 'lyrics' : query.has('file') ? 'files' : 'comments'

/**
 * A cut: what is heard of it, its files and lyrics, and what is said about it.
 * @param query where to begin: at a `comment`, a `file`, the lyrics (`part`), or a moment (`t`) like 1:02
 */
export function CutView({ cutId, query }: { cutId: string; query: URLSearchParams }) {
  const [commentId, fileId, at] = [query.get('comment'), query.get('file'), query.get('t')]
  const about = partOf(query)
  const room = useRoom()
  const cut = useRoomValue(({ state }) => state?.cuts.get(cutId), [cutId])
  const files = useFiles(cutId)
  const takes = useMemo(() => takesOf(files), [files])
  const player = useCutPlayer(cutId, takes, { commentId, fileId, at })
  const listening = useListening(cutId, player)
  const mayEdit = useMay('editor')
  const { isOver, ...drop } = useDropFiles(cutId, mayEdit)
  const [shown, setShown] = useState<Part>(about)
  useEffect(() => {
    setShown(about)
    if (about === 'lyrics') document.querySelector('.lyrics-panel')?.scrollIntoView({ block: 'nearest' })
  }, [about, commentId])
  useEffect(() => {
    room.setPresence({ cutId })
    return () => room.setPresence(null)
  }, [room, cutId])
  if (!cut) return <NotFound title={words.gone} text={texts.problems['not-found']} />
  const parts: readonly [Part, string][] = [
    ['files', soundTexts.files.title],
    ['lyrics', cutTexts.lyrics.title],
    ['comments', commentTexts.comments.title],
  ]
  return (
    <div class={`cut-page${isOver ? ' drop' : ''}`} {...drop}>
      <Head cut={cut} newest={takes[0]} />
      {isOver && <p class="drop-note note">{soundTexts.files.drop}</p>}
      {takes.length === 0 ? (
        <NoTake mayAdd={mayEdit} />
      ) : (
        <CutPlayer
          cutId={cutId}
          takes={takes}
          player={player}
          onComment={(id) => {
            go(withQuery('t', null), true)
            go(withQuery('comment', id), true)
          }}
        />
      )}
      <fieldset class="switch narrow-only" aria-label={words.parts}>
        {parts.map(([part, name]) => (
          <button key={part} type="button" class="button tight" aria-pressed={shown === part} onClick={() => setShown(part)}>
            {name}
          </button>
        ))}
      </fieldset>
      <div class={`cut-parts shows-${shown}`}>
        <div class="cut-side">
          <FilesPanel cut={cut} files={files} player={player} />
          <LyricsPanel cutId={cutId} />
        </div>
        <div class="panel fixed">
          <Comments target={{ kind: 'cut', id: cutId }} commentId={commentId} listening={listening} />
        </div>
      </div>
    </div>
  )
}
