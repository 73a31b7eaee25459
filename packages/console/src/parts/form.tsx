import { CutroomError } from '@cutroom/client'
import type { ComponentChildren } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'
import { toast } from '../lib/say.ts'
import { reasonOf } from '../lib/session.ts'
import { firstTexts as texts } from '../texts-first.ts'

/** What a form is doing. `field` gives what the server says of one field. */
export interface Submission {
  busy: boolean
  /** Why the last attempt failed; null: it did not, or the fields say it. */
  wrong: string | null
  field(name: string): string | undefined
  /** Runs `work`; its failure is shown, and what was typed stays. Resolves with whether it succeeded. */
  run(work: () => Promise<unknown>): Promise<boolean>
}

/** @param fields names of the fields that say themselves what is wrong with them */
export function useSubmission(fields: readonly string[] = []): Submission {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const field = (name: string) => (error instanceof CutroomError ? error.at(`/${name}`)?.detail : undefined)
  return {
    busy,
    wrong: error === null || fields.some((name) => field(name) !== undefined) ? null : reasonOf(error),
    field,
    async run(work) {
      setBusy(true)
      setError(null)
      try {
        await work()
        return true
      } catch (failure) {
        setError(failure)
        return false
      } finally {
        setBusy(false)
      }
    },
  }
}

interface InputProps {
  type?: 'text' | 'email' | 'password' | 'date'
  autocomplete?: string
  inputMode?: 'decimal'
  maxLength?: number
  required?: boolean
  dir?: 'auto'
}

/** A labelled input of one line. */
export function Field({
  label,
  value,
  onInput,
  wrong,
  help,
  ...rest
}: InputProps & { label: string; value: string; onInput: (value: string) => void; wrong?: string | undefined; help?: string }) {
  const id = useId()
  const told = wrong ?? help
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        type="text"
        {...(rest as object)}
        id={id}
        value={value}
        aria-invalid={wrong !== undefined}
        aria-describedby={told === undefined ? undefined : `${id}-told`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {told !== undefined && (
        <span id={`${id}-told`} class={wrong === undefined ? 'quiet small' : 'wrong'}>
          {told}
        </span>
      )}
    </div>
  )
}

/** A labelled text of several lines. */
export function Area({
  label,
  value,
  onInput,
  ...rest
}: {
  rows: number
  maxLength?: number
  spellcheck?: boolean
  label: string
  value: string
  onInput: (value: string) => void
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea {...rest} id={id} value={value} dir="auto" onInput={(event) => onInput(event.currentTarget.value)} />
    </div>
  )
}

/** A labelled choice. Where `onChoose` rejects, why is shown, and `value` is chosen again. */
export function Choice<T extends string>(props: {
  label: string
  value: T
  options: readonly { value: T; text: string }[]
  onChoose: (value: T) => unknown
  disabled?: boolean
  hideLabel?: boolean
}) {
  const id = useId()
  const now = useRef(props.value)
  now.current = props.value
  return (
    <div class="field">
      <label for={id} class={props.hideLabel ? 'hidden' : undefined}>
        {props.label}
      </label>
      <select
        id={id}
        value={props.value}
        disabled={props.disabled}
        onChange={async ({ currentTarget }) => {
          try {
            await props.onChoose(currentTarget.value as T)
          } catch (error) {
            currentTarget.value = now.current
            toast(reasonOf(error), 'bad')
          }
        }}
      >
        {props.options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  )
}

/** Why the last attempt failed. */
export const Wrong = ({ wrong }: Pick<Submission, 'wrong'>) =>
  wrong !== null && (
    <p class="note bad" role="alert">
      {wrong}
    </p>
  )

/** A form that submits by Enter and by its button, once at a time. */
export function Form(props: {
  submission: Submission
  action: string
  work: () => Promise<unknown>
  onDone?: () => void
  disabled?: boolean
  beside?: ComponentChildren
  children: ComponentChildren
}) {
  const { submission } = props
  return (
    <form
      class="stack"
      noValidate
      onSubmit={async (event) => {
        event.preventDefault()
        if (!submission.busy && (await submission.run(props.work))) props.onDone?.()
      }}
    >
      {props.children}
      <Wrong {...submission} />
      <div class="row wrap">
        <button type="submit" class="button primary" disabled={submission.busy || props.disabled}>
          {submission.busy ? texts.working : props.action}
        </button>
        {props.beside}
      </div>
    </form>
  )
}
