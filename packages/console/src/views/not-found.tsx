import { base } from '../lib/router.ts'
import { texts } from '../texts.ts'

/** An address that shows nothing. */
export function NotFound({ title = texts.notFound.title, text = texts.notFound.text }: { title?: string; text?: string }) {
  return (
    <div class="page">
      <h1>{title}</h1>
      <p class="quiet">{text}</p>
      <p>
        <a class="button" href={`${base}/`}>
          {texts.notFound.home}
        </a>
      </p>
    </div>
  )
}
