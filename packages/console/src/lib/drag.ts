import { combine } from '@atlaskit/pragmatic-drag-and-drop/combine'
import { draggable, dropTargetForElements, monitorForElements } from '@atlaskit/pragmatic-drag-and-drop/element/adapter'
import { attachClosestEdge, extractClosestEdge } from '@atlaskit/pragmatic-drag-and-drop-hitbox/closest-edge'
import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'

/** Where something would land: before or after the item under the pointer. */
export type Edge = 'top' | 'bottom' | null

/** Makes an item draggable, and a place to drop others at. @returns the edge to mark, and whether it is being dragged */
export function useDragItem(ref: RefObject<HTMLElement | null>, list: string, id: string, enabled: boolean) {
  const [edge, setEdge] = useState<Edge>(null)
  const [isDragged, setDragged] = useState(false)
  useEffect(() => {
    const element = ref.current
    if (!element || !enabled) return
    return combine(
      draggable({
        element,
        getInitialData: () => ({ id }),
        onDragStart: () => setDragged(true),
        onDrop: () => setDragged(false),
      }),
      dropTargetForElements({
        element,
        canDrop: ({ source }) => source.data.id !== id,
        getData: ({ input }) => attachClosestEdge({ list, id }, { element, input, allowedEdges: ['top', 'bottom'] }),
        onDrag: ({ self }) => setEdge(extractClosestEdge(self.data) as Edge),
        onDragLeave: () => setEdge(null),
        onDrop: () => setEdge(null),
      }),
    )
  }, [list, id, enabled])
  return { edge, isDragged }
}

/** Makes a list a place to drop at its end. */
export function useDropList(ref: RefObject<HTMLElement | null>, list: string, enabled: boolean): boolean {
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    const element = ref.current
    if (!element || !enabled) return
    return dropTargetForElements({
      element,
      getData: () => ({ list }),
      onDragEnter: () => setOver(true),
      onDragLeave: () => setOver(false),
      onDrop: () => setOver(false),
    })
  }, [list, enabled])
  return isOver
}

/** Called for each drop: what, into which list, beside which item (absent: at the end). */
export function useDrops(onDrop: (id: string, list: string, beside: { id: string; edge: Edge } | undefined) => void): void {
  useEffect(() =>
    monitorForElements({
      onDrop({ source, location }) {
        const [target] = location.current.dropTargets
        if (!target) return
        const { list, id } = target.data
        const beside = typeof id === 'string' ? { id, edge: extractClosestEdge(target.data) as Edge } : undefined
        onDrop(String(source.data.id), String(list), beside)
      },
    }),
  )
}

/** The index, counted without the item itself, at which it stands beside another. */
export function indexBeside(list: readonly { id: string }[], id: string, beside: { id: string; edge: Edge } | undefined): number {
  const others = list.filter((item) => item.id !== id)
  if (!beside) return others.length
  const at = others.findIndex((item) => item.id === beside.id)
  return at < 0 ? others.length : at + (beside.edge === 'bottom' ? 1 : 0)
}
