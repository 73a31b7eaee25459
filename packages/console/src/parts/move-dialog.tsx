import { useState } from 'preact/hooks'
import { texts } from '../texts.ts'
import { Dialog } from './dialog.tsx'
import { Choice } from './form.tsx'

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
  const [list, setList] = useState(props.from)
  const others = props.itemsOf(list).filter(({ id }) => id !== props.id)
  const here = props.itemsOf(props.from).findIndex(({ id }) => id === props.id)
  const [index, setIndex] = useState<number>(Math.max(here, 0))
  const places = [
    { value: '0', text: texts.board.first },
    ...others.map(({ name }, n) => ({ value: String(n + 1), text: texts.board.after(name) })),
  ]
  return (
    <Dialog title={texts.board.moveTitle(props.title)} onClose={props.onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          props.onClose()
          props.onMove(list, Math.min(index, others.length))
        }}
      >
        <Choice
          label={props.label}
          value={list}
          options={props.lists.map(({ id, name }) => ({ value: id, text: name }))}
          onChoose={(next) => {
            setList(next)
            setIndex(next === props.from ? Math.max(here, 0) : props.itemsOf(next).length)
          }}
        />
        <Choice
          label={texts.board.position}
          value={String(Math.min(index, others.length))}
          options={places}
          onChoose={(next) => setIndex(Number(next))}
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
