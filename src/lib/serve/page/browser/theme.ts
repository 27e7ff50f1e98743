/** Light or dark: as the system says, until somebody chooses; the choice stays in this browser. */

const name = 'ea-theme'

function apply(theme: string): void {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
  else delete document.documentElement.dataset.theme
}

/** Obeys and remembers a select of `auto`, `light` and `dark`. */
export function watchTheme(select: HTMLSelectElement): void {
  const known = localStorage.getItem(name)
  if (known === 'light' || known === 'dark') select.value = known
  apply(select.value)
  select.addEventListener('change', () => {
    localStorage.setItem(name, select.value)
    apply(select.value)
  })
}
