import '../styles/cut.css'
import { type Cut, vibes as endpoints, type Vibe } from '@cutroom/client'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { takesOf } from '../lib/cut-files.ts'
import { indexBeside, useDragItem, useDropList, useDrops } from '../lib/drag.ts'
import { saveVibe, takeTheirs, theirsOf, useEdit } from '../lib/edits.ts'
import { useKeys } from '../lib/keys.ts'
import { memo } from '../lib/memo.ts'
import { complain, useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { base, cutPath } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { mediaTime } from '../lib/time.ts'
import { createCut, createVibe, moveCut } from '../lib/writes.ts'
import { Conflict } from '../parts/conflict.tsx'
import { CommentIcon, MoveIcon, PlusIcon } from '../parts/icons.tsx'
import { MoveDialog } from '../parts/moving.ts'
import { hasAddress, Pending, usePending } from '../parts/pending.tsx'
import { texts } from '../texts.ts'
import { cutTexts } from '../texts-cuts.ts'
import { soundTexts } from '../texts-sound.ts'
import { draftOf, VibeDialog } from './vibe-dialog.tsx'

const words = cutTexts.cuts

/** A field with a button that adds something by its name. */
function Add(props: { id?: string; label: string; action: string; onAdd: (name: string) => Promise<unknown> }) {
  const { id, label, action, onAdd } = props
  const [name, setName] = useState('')
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        if (name.trim() === '') return
        onAdd(name.trim()).then(() => setName(''), complain)
      }}
    >
      <input
        id={id}
        class="grow"
        aria-label={label}
        placeholder={label}
        value={name}
        maxLength={200}
        dir="auto"
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <button type="submit" class="button">
        <PlusIcon />
        {action}
      </button>
    </form>
  )
}

/** The name opens the cut. One that is not confirmed has no address yet. */
function Name({ cut, isLink, onMove }: { cut: Cut; isLink: boolean; onMove: ((cut: Cut) => void) | null }) {
  if (!isLink)
    return (
      <span class="grow long" dir="auto">
        {cut.name}
      </span>
    )
  return (
    <a
      class="grow long"
      href={base + cutPath(cut.projectId, cut.id)}
      data-cut={cut.id}
      draggable={false}
      dir="auto"
      onKeyDown={(event) => {
        if (event.key !== 'm' || !onMove) return
        event.preventDefault()
        onMove(cut)
      }}
    >
      {cut.name}
    </a>
  )
}

const CutRow = memo(function CutRow({ cut, mayMove, onMove }: { cut: Cut; mayMove: boolean; onMove: (cut: Cut) => void }) {
  const row = useRef<HTMLLIElement>(null)
  const mutation = usePending(cut.id)
  const open = useRoomValue(
    ({ state }) =>
      state?.commentsOf(cut.id).filter(({ parentId, resolvedAt }) => parentId === null && resolvedAt === null).length ?? 0,
    [cut.id],
  )
  const take = useRoomValue(({ state }) => takesOf(state?.filesOf(cut.id) ?? [])[0], [cut.id])
  const lines = useRoomValue(({ state }) => state?.lyrics.get(cut.id)?.lyrics.length ?? 0, [cut.id])
  const isThere = hasAddress(cut)
  const { edge, isDragged } = useDragItem(row, cut.vibeId, cut.id, mayMove && isThere)
  const isWaiting = mutation !== undefined && mutation.state !== 'refused'
  return (
    <li ref={row} class={`cut-row${edge === null ? '' : ` edge-${edge}`}${isDragged || isWaiting ? ' pending' : ''}`}>
      <Name cut={cut} isLink={isThere} onMove={mayMove ? onMove : null} />
      {lines > 0 && <span class="quiet small wide-only">{words.lines(lines)}</span>}
      {take && (
        <span class="quiet small">
          {soundTexts.take(take.take ?? 0)}
          {take.audio && ` · ${mediaTime(take.audio.durationMs)}`}
        </span>
      )}
      {cut.state !== 'draft' && <span class={`chip wide state-${cut.state}`}>{soundTexts.state.names[cut.state]}</span>}
      {cut.bpm !== null && <span class="chip wide-only">{words.bpmShort(cut.bpm)}</span>}
      {cut.timeSignature !== null && <span class="chip wide-only">{cut.timeSignature}</span>}
      {open > 0 && (
        <span class="row count quiet small" title={words.open(open)}>
          <CommentIcon />
          {open}
          <span class="hidden">{words.open(open)}</span>
        </span>
      )}
      {mayMove && isThere && (
        <button type="button" class="icon-button" aria-label={texts.board.moveTitle(cut.name)} onClick={() => onMove(cut)}>
          <MoveIcon />
        </button>
      )}
      <Pending mutation={mutation} compare={cutPath(cut.projectId, cut.id)} />
    </li>
  )
})

function VibeGroup({ vibe, mayEdit, onMove }: { vibe: Vibe; mayEdit: boolean; onMove: (cut: Cut) => void }) {
  const room = useRoom()
  const box = useRef<HTMLElement>(null)
  const cuts = useRoomValue(({ state }) => state?.cutsOf(vibe.id) ?? [], [vibe.id])
  const mutation = usePending(vibe.id)
  const edited = useEdit(endpoints.update, vibe.id)
  const theirs = theirsOf<Vibe>(edited)
  const isThere = hasAddress(vibe)
  const isOver = useDropList(box, vibe.id, mayEdit)
  const [isEditing, setEditing] = useState(false)
  return (
    <section ref={box} class={`card vibe${isOver ? ' over' : ''}`} aria-labelledby={`vibe-${vibe.id}`}>
      <div class="row">
        <h2 id={`vibe-${vibe.id}`} class="grow long" dir="auto" tabIndex={-1}>
          {vibe.name}
        </h2>
        {mayEdit && isThere && (
          <button
            type="button"
            class="button plain tight"
            aria-label={words.editVibe(vibe.name)}
            onClick={() => setEditing(true)}
          >
            {words.rename}
          </button>
        )}
      </div>
      {theirs ? (
        <Conflict
          mine={draftOf(vibe)}
          theirs={draftOf(theirs)}
          names={{ name: words.vibeName, theme: words.theme }}
          show={(_, value) => value}
          onKeepMine={() => saveVibe(vibe, null).catch(complain)}
          onTakeTheirs={() => takeTheirs(endpoints.update, vibe.id)}
        />
      ) : (
        <Pending mutation={mutation} />
      )}
      {vibe.theme && (
        <p class="quiet small long" dir="auto">
          {vibe.theme}
        </p>
      )}
      {cuts.length === 0 ? (
        <p class="quiet small">{words.noCuts}</p>
      ) : (
        <ul class="cut-list">
          {cuts.map((cut) => (
            <CutRow key={cut.id} cut={cut} mayMove={mayEdit} onMove={onMove} />
          ))}
        </ul>
      )}
      {mayEdit && isThere && <Add label={words.cutName} action={words.addCut} onAdd={(name) => createCut(room, vibe, name)} />}
      {isEditing && <VibeDialog vibe={vibe} onClose={() => setEditing(false)} />}
    </section>
  )
}

/** Up and down go from cut to cut, through all vibes. */
function useArrows(): void {
  const step = (by: number) => () => {
    const links = [...document.querySelectorAll<HTMLElement>('[data-cut]')]
    const at = links.indexOf(document.activeElement as HTMLElement)
    if (at < 0) return false
    links[at + by]?.focus()
    return true
  }
  useKeys({ ArrowUp: step(-1), ArrowDown: step(1) })
}

/** Vibes with their cuts. @param vibeId the vibe to begin at */
export function Cuts({ vibeId }: { vibeId: string | null }) {
  const room = useRoom()
  const mayEdit = useMay('editor')
  const vibes = useRoomValue(({ state }) => state?.vibesByRank() ?? [])
  const [moving, setMoving] = useState<Cut | null>(null)
  const onMove = useCallback((cut: Cut) => setMoving(cut), [])
  const cutsOf = (vibeId: string) => room.state?.cutsOf(vibeId) ?? []
  const move = (cut: Cut, vibeId: string, index: number) => {
    const of = cutsOf(vibeId).filter(({ id }) => id !== cut.id).length + 1
    moveCut(room, cut, vibeId, index)
    announce(words.moved(cut.name, room.state?.vibes.get(vibeId)?.name ?? '', index + 1, of))
  }
  useArrows()
  useEffect(() => {
    const heading = vibeId === null ? null : document.getElementById(`vibe-${vibeId}`)
    heading?.scrollIntoView({ block: 'start' })
    heading?.focus({ preventScroll: true })
  }, [vibeId])
  useKeys({ n: () => (mayEdit ? document.getElementById('new-vibe')?.focus() : false) })
  useDrops((id, list, beside) => {
    const cut = room.state?.cuts.get(id)
    if (cut) move(cut, list, indexBeside(cutsOf(list), id, beside))
  })
  return (
    <div class="page">
      <h1>{words.title}</h1>
      {vibes.length === 0 && (
        <div class="empty">
          <h2>{words.empty}</h2>
          <p>{words.emptyText}</p>
        </div>
      )}
      {vibes.map((vibe) => (
        <VibeGroup key={vibe.id} vibe={vibe} mayEdit={mayEdit} onMove={onMove} />
      ))}
      {mayEdit && <Add id="new-vibe" label={words.vibeName} action={words.addVibe} onAdd={(name) => createVibe(room, name)} />}
      {moving && (
        <MoveDialog
          title={moving.name}
          id={moving.id}
          label={words.vibe}
          lists={vibes}
          from={moving.vibeId}
          itemsOf={cutsOf}
          onMove={(vibeId, index) => {
            move(moving, vibeId, index)
            requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-cut="${moving.id}"]`)?.focus())
          }}
          onClose={() => setMoving(null)}
        />
      )}
    </div>
  )
}
