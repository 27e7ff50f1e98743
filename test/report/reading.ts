/** Reads the HTML of a report back: its tables as rows of cells, each cell its exact value or its text. */

export interface HtmlTable {
  readonly caption: string
  readonly heads: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
  readonly footer: readonly (string | number)[] | undefined
}

export function tablesOf(html: string): HtmlTable[] {
  return [...html.matchAll(/<table\b[^>]*>([\s\S]*?)<\/table>/g)].map(([, inside]) => {
    const part = (name: string) => new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(inside!)?.[1]
    const rows = (text: string) => [...text.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row]) => cellsOf(row!))
    const footer = part('tfoot')
    return {
      caption: textOf(part('caption')!),
      heads: cellsOf(part('thead')!).map(String),
      rows: rows(part('tbody')!),
      footer: footer === undefined ? undefined : rows(footer)[0],
    }
  })
}

export function tableOf(html: string, caption: string): HtmlTable {
  const found = tablesOf(html).find((table) => table.caption === caption)
  if (found === undefined) throw new Error(`no table ${caption}: ${tablesOf(html).map((table) => table.caption)}`)
  return found
}

function cellsOf(row: string): (string | number)[] {
  return [...row.matchAll(/<t[hd]\b[^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell]) => {
    const exact = /<data value="([^"]*)">/.exec(cell!)?.[1]
    return exact === undefined ? textOf(cell!) : Number(exact)
  })
}

const references: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

export function textOf(html: string): string {
  return html.replace(/<[^>]*>/g, '').replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => references[name]!)
}
