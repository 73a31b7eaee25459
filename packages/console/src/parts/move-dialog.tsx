import { useState } from 'preact/hooks'
import { texts } from '../texts.ts'
import { Dialog } from './dialog.tsx'
import { Choice } from './form.tsx'

/** In place of the id of an item: before all of them. */
const FIRST = ''

interface Named {
  id: string
  name: string
}

/** The same as a drag, by keyboard: into which list, and after what. */
export function MoveDialog(props: {
  title: string
  id: string
  label: string
  lists: readonly Named[]
  from: string
  itemsOf: (list: string) => readonly Named[]
  onMove: (list: string, index: number) => void
  onClose: () => void
}) {
  const idsIn = (list: string) => props.itemsOf(list).map(({ id }) => id)
  /** What is above it in its list; in another list all, since it comes to the end. */
  const aboveIn = (list: string) => {
    const ids = idsIn(list)
    const at = ids.indexOf(props.id)
    return at < 0 ? ids : ids.slice(0, at)
  }
  const [list, setList] = useState(props.from)
  const [above, setAbove] = useState(() => aboveIn(list))
  const others = props.itemsOf(list).filter(({ id }) => id !== props.id)
  /** The one to stand behind, of those that are there by now: others move and delete, too. */
  const nearestOf = (ids: readonly string[]) => above.findLast((id) => ids.includes(id)) ?? FIRST
  const places = [
    { value: FIRST, text: texts.board.first },
    ...others.map(({ id, name }) => ({ value: id, text: texts.board.after(name) })),
  ]
  return (
    <Dialog title={texts.board.moveTitle(props.title)} onClose={props.onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          props.onClose()
          const now = idsIn(list).filter((id) => id !== props.id)
          props.onMove(list, now.indexOf(nearestOf(now)) + 1)
        }}
      >
        <Choice
          label={props.label}
          value={list}
          options={props.lists.map(({ id, name }) => ({ value: id, text: name }))}
          onChoose={(next) => {
            setList(next)
            setAbove(aboveIn(next))
          }}
        />
        <Choice
          label={texts.board.position}
          value={nearestOf(idsIn(list))}
          options={places}
          onChoose={(next) => {
            const ids = others.map(({ id }) => id)
            setAbove(ids.slice(0, ids.indexOf(next) + 1))
          }}
        />
        <div class="row">
          <button type="submit" class="button primary">
            {texts.board.move}
          </button>
          <button type="button" class="button" onClick={props.onClose}>
            {texts.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
