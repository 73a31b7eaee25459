import type { ComponentChild, ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Waiting } from '../parts/waiting.tsx'
import { keepLoading } from './loading.ts'

const views: (() => Promise<unknown>)[] = []

/** Loads it with the views that may be shown. */
export const addAhead = (load: () => Promise<unknown>): void => void views.push(load)

/** Loads all views that may be shown, one after the other, until one fails: then each waits until it is asked for. */
export async function loadAhead(): Promise<void> {
  // those that are loaded add the views inside them
  for (const load of views) await load()
}

/**
 * A view that is loaded when it is first shown, or ahead of it.
 * @param fallback shown until then
 * @param isAhead may be needed later, wherever the person is
 */
export function lazy<P extends object>(
  load: () => Promise<ComponentType<P>>,
  fallback: ComponentChild = <Waiting />,
  isAhead = true,
): ComponentType<P> {
  let loaded: ComponentType<P> | undefined
  const loadOnce = async () => {
    loaded ??= await load()
  }
  if (isAhead) addAhead(loadOnce)
  return function Lazy(props: P) {
    const [why, tell] = useState<string | null>('')
    useEffect(() => (loaded ? undefined : keepLoading(loadOnce, tell)), [])
    const View = loaded
    if (View) return <View {...props} />
    return (
      <>
        {why && (
          <p class={`note warn${fallback ? '' : ' toasts'}`} role="alert">
            {why}
          </p>
        )}
        {fallback}
      </>
    )
  }
}
