import { useState } from 'preact/hooks'
import { type Line, textOf } from '../lib/lyrics.ts'
import type { Part } from '../lib/merge.ts'
import { Form, type Submission } from '../parts/form.tsx'
import { texts } from '../texts.ts'
import { cutTexts } from '../texts-cuts.ts'

const words = cutTexts.lyrics

type Choice = 'mine' | 'theirs' | 'both'
const CHOICES: readonly [Choice, string][] = [
  ['mine', texts.conflict.keepMine],
  ['theirs', texts.conflict.takeTheirs],
  ['both', words.both],
]

function Side({ name, lines }: { name: string; lines: readonly Line[] }) {
  return (
    <div class="side-of">
      <h3>{name}</h3>
      {lines.length === 0 ? <p class="quiet">{words.nothing}</p> : <pre dir="auto">{textOf(lines)}</pre>}
    </div>
  )
}

function Difference(props: {
  part: Extract<Part<Line>, { kind: 'choice' }>
  title: string
  name: string
  chosen: Choice | undefined
  onChoose: (choice: Choice) => void
}) {
  return (
    <fieldset class="difference">
      <legend>{props.title}</legend>
      <div class="sides">
        <Side name={texts.conflict.mine} lines={props.part.mine} />
        <Side name={texts.conflict.theirs} lines={props.part.theirs} />
      </div>
      <div class="row wrap">
        {CHOICES.map(([choice, text]) => (
          <label key={choice} class="check">
            <input type="radio" name={props.name} checked={props.chosen === choice} onChange={() => props.onChoose(choice)} />
            {text}
          </label>
        ))}
      </div>
    </fieldset>
  )
}

/** Both versions line by line: what only one has changed is merged, the rest is chosen. */
export function LyricsMerge(props: {
  parts: readonly Part<Line>[]
  submission: Submission
  onSave: (lines: readonly Line[]) => Promise<void>
  onBack: () => void
}) {
  const { parts } = props
  const [chosen, setChosen] = useState<Partial<Record<number, Choice>>>({})
  const open = parts.map((part, n) => ({ part, n })).filter(({ part }) => part.kind === 'choice')
  const merged = parts.flatMap((part, n): readonly Line[] => {
    if (part.kind === 'same') return part.lines
    const choice = chosen[n]
    return choice === 'both' ? [...part.theirs, ...part.mine] : choice === 'mine' ? part.mine : part.theirs
  })
  return (
    <div class="stack">
      <div class="note warn" role="alert">
        <strong>{words.mergeTitle}</strong>
        <p>{words.mergeText}</p>
      </div>
      <Form
        submission={props.submission}
        action={words.saveMerge}
        disabled={open.some(({ n }) => chosen[n] === undefined)}
        work={() => props.onSave(merged)}
        beside={
          <button type="button" class="button" onClick={props.onBack}>
            {words.backToEdit}
          </button>
        }
      >
        {parts.map((part, n) =>
          part.kind === 'same' ? (
            <pre key={n} class="merged" dir="auto">
              {textOf(part.lines)}
            </pre>
          ) : (
            <Difference
              key={n}
              part={part}
              name={`difference-${n}`}
              title={words.choice(open.findIndex((one) => one.n === n) + 1, open.length)}
              chosen={chosen[n]}
              onChoose={(choice) => setChosen((was) => ({ ...was, [n]: choice }))}
            />
          ),
        )}
      </Form>
    </div>
  )
}
