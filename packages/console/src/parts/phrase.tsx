import { type ComponentChildren, Fragment } from 'preact'

type Slots<T> = Partial<Record<string, T>>

/** A sentence of the texts, `{who} added {what}`, with what stands in its places. */
export const phrase = (sentence: string, slots: Slots<ComponentChildren>): ComponentChildren =>
  sentence.split(/\{(\w+)\}/).map((part, n) => <Fragment key={n}>{n % 2 === 0 ? part : slots[part]}</Fragment>)

/** The same as text, for names of buttons and what is spoken. */
export const phraseText = (sentence: string, slots: Slots<string>): string =>
  sentence.replace(/\{(\w+)\}/g, (_, name: string) => slots[name] ?? '')
