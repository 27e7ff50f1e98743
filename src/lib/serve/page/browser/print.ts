/** Paper shows everything: closed details are opened, and rows that a screen leaves out are put in, for as long as it is printed. */
import { showAllRows } from './panels/data-table.js'

/** Watches for printing; browsers differ in which of the two they tell of. */
export function printAll(): void {
  let undo: (() => void)[] = []
  const prepare = () => {
    if (undo.length > 0) return
    const closed = [...document.querySelectorAll<HTMLDetailsElement>('details:not([open])')]
    const open = (isOpen: boolean) => {
      for (const details of closed) details.open = isOpen
    }
    open(true)
    undo = [showAllRows(document), () => open(false)]
  }
  const restore = () => {
    for (const step of undo) step()
    undo = []
  }
  addEventListener('beforeprint', prepare)
  addEventListener('afterprint', restore)
  matchMedia('print').addEventListener('change', ({ matches }) => (matches ? prepare() : restore()))
}
