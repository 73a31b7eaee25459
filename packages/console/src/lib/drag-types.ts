/** Where something would land: before or after the item under the pointer. */
export type Edge = 'top' | 'bottom' | null
/** The item that something is dropped beside. */
export interface Beside {
  id: string
  edge: Edge
}
