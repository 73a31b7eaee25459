import { useId } from 'preact/hooks'
import { toast } from '../lib/say.ts'
import { texts } from '../texts.ts'

/** A text that is shown once, to be copied. */
export function CopyField({ label, value }: { label: string; value: string }) {
  const id = useId()
  const copy = () =>
    navigator.clipboard?.writeText(value).then(
      () => toast(texts.copied),
      // the browser does not allow it: the field is there to copy from
      () => document.getElementById(id)?.focus(),
    )
  return (
    <div class="row">
      <input id={id} class="grow" readOnly aria-label={label} value={value} onFocus={(event) => event.currentTarget.select()} />
      {navigator.clipboard && (
        <button type="button" class="button" onClick={copy}>
          {texts.copy}
        </button>
      )}
    </div>
  )
}
