import { texts } from '../texts.ts'
import { commentTexts } from '../texts-comments.ts'

const words = texts.conflict

/** Two versions of the same fields, side by side: neither is lost before one is chosen. */
export function Conflict<F extends Record<string, string>>(props: {
  mine: F
  theirs: F
  names: Record<keyof F, string>
  show: (name: keyof F, value: string) => string
  onKeepMine: () => void
  onTakeTheirs: () => void
}) {
  const differing = Object.keys(props.names).filter((name) => props.mine[name] !== props.theirs[name])
  return (
    <div class="stack">
      <p class="note warn" role="alert">
        {words.title}
      </p>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">{commentTexts.task.title}</span>
            </th>
            <th scope="col">{words.mine}</th>
            <th scope="col">{words.theirs}</th>
          </tr>
        </thead>
        <tbody>
          {differing.map((name) => (
            <tr key={name}>
              <th scope="row">{props.names[name]}</th>
              <td class="body">{props.show(name, props.mine[name] ?? '')}</td>
              <td class="body">{props.show(name, props.theirs[name] ?? '')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="row">
        <button type="button" class="button primary" onClick={props.onKeepMine}>
          {words.keepMine}
        </button>
        <button type="button" class="button" onClick={props.onTakeTheirs}>
          {words.takeTheirs}
        </button>
      </div>
    </div>
  )
}
