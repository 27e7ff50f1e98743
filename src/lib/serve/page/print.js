/** Paper shows everything: closed details are opened, and rows that a screen leaves out are put in, for as long as it is printed. */
import { showAllRows } from './tables.js'

function closeAgain(closed) {
  for (const details of closed) details.open = false
}

/** Watches for printing; browsers differ in which of the two they tell of. */
export function printAll() {
  let undo = []
  const prepare = () => {
    if (undo.length > 0) return
    const closed = [...document.querySelectorAll('details:not([open])')]
    for (const details of closed) details.open = true
    undo = [showAllRows(document), () => closeAgain(closed)]
  }
  const restore = () => {
    for (const step of undo) step()
    undo = []
  }
  addEventListener('beforeprint', prepare)
  addEventListener('afterprint', restore)
  matchMedia('print').addEventListener('change', ({ matches }) => (matches ? prepare() : restore()))
}
