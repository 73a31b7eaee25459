// Drag and drop by pointer, loaded when a pointer first moves over what can be dragged.
import { combine } from '@atlaskit/pragmatic-drag-and-drop/combine'
import { draggable, dropTargetForElements, monitorForElements } from '@atlaskit/pragmatic-drag-and-drop/element/adapter'
import { attachClosestEdge, extractClosestEdge } from '@atlaskit/pragmatic-drag-and-drop-hitbox/closest-edge'
import type { Beside, Edge } from './drag-types.ts'

const edgeOf = (data: Record<string | symbol, unknown>): Edge => extractClosestEdge(data) as Edge

/** An element that can be dragged, and dropped beside. @returns ends it */
export const makeItem = (
  element: HTMLElement,
  list: string,
  id: string,
  on: { edge: (edge: Edge) => void; dragged: (is: boolean) => void },
): (() => void) =>
  combine(
    draggable({
      element,
      getInitialData: () => ({ id }),
      onDragStart: () => on.dragged(true),
      onDrop: () => on.dragged(false),
    }),
    dropTargetForElements({
      element,
      canDrop: ({ source }) => source.data.id !== id,
      getData: ({ input }) => attachClosestEdge({ list, id }, { element, input, allowedEdges: ['top', 'bottom'] }),
      onDrag: ({ self }) => on.edge(edgeOf(self.data)),
      onDragLeave: () => on.edge(null),
      onDrop: () => on.edge(null),
    }),
  )

/** An element to drop into, at its end. @returns ends it */
export const makeList = (element: HTMLElement, list: string, over: (is: boolean) => void): (() => void) =>
  dropTargetForElements({
    element,
    getData: () => ({ list }),
    onDragEnter: () => over(true),
    onDragLeave: () => over(false),
    onDrop: () => over(false),
  })

/** Hears of each drop. @returns ends it */
export const onDrops = (onDrop: (id: string, list: string, beside: Beside | undefined) => void): (() => void) =>
  monitorForElements({
    onDrop({ source, location }) {
      const [target] = location.current.dropTargets
      if (!target) return
      const { list, id } = target.data
      const beside = typeof id === 'string' ? { id, edge: edgeOf(target.data) } : undefined
      onDrop(String(source.data.id), String(list), beside)
    },
  })
