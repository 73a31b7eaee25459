import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { createCell, useCell } from './cell.ts'
import type { Beside, Edge } from './drag-types.ts'

const engine = createCell<typeof import('./drag-engine.ts') | null>(null)
let isAsked = false

/** Loads the engine when a pointer first moves over something that can be dragged; keyboards never need it. @returns ends it */
function loadOver(element: HTMLElement): () => void {
  const load = async () => {
    if (isAsked) return
    isAsked = true
    engine.value = await import('./drag-engine.ts')
  }
  const onMove = () => void load()
  element.addEventListener('pointermove', onMove, { once: true })
  return () => element.removeEventListener('pointermove', onMove)
}

/** Makes an item draggable, and a place to drop others at. @returns the edge to mark, and whether it is being dragged */
export function useDragItem(ref: RefObject<HTMLElement | null>, list: string, id: string, isEnabled: boolean) {
  const [edge, setEdge] = useState<Edge>(null)
  const [isDragged, setDragged] = useState(false)
  const loaded = useCell(engine)
  useEffect(() => {
    if (!ref.current || !isEnabled) return undefined
    if (!loaded) return loadOver(ref.current)
    return loaded.makeItem(ref.current, list, id, { edge: setEdge, dragged: setDragged })
  }, [loaded, list, id, isEnabled])
  return { edge, isDragged }
}

/** Makes a list a place to drop at its end. @returns whether something is over it */
export function useDropList(ref: RefObject<HTMLElement | null>, list: string, isEnabled: boolean): boolean {
  const [isOver, setOver] = useState(false)
  const loaded = useCell(engine)
  useEffect(() => {
    if (ref.current && loaded && isEnabled) return loaded.makeList(ref.current, list, setOver)
    return undefined
  }, [loaded, list, isEnabled])
  return isOver
}

/** Called for each drop: what, into which list, beside which item (absent: at the end). */
export function useDrops(onDrop: (id: string, list: string, beside: Beside | undefined) => void): void {
  const loaded = useCell(engine)
  useEffect(() => loaded?.onDrops(onDrop))
}

/** The index, counted without the item itself, at which it stands beside another. */
export function indexBeside(list: readonly { id: string }[], id: string, beside: Beside | undefined): number {
  const others = list.filter((item) => item.id !== id)
  if (!beside) return others.length
  const at = others.findIndex((item) => item.id === beside.id)
  return at < 0 ? others.length : at + (beside.edge === 'bottom' ? 1 : 0)
}
