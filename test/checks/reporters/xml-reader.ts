/**
 * A strict reader of the XML that needs no DTD, from the productions of XML 1.0: anything that is not well-formed throws.
 * Tests read reports with it, so that they need no other program.
 */

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly Element[]
  /** The text of the element itself, references replaced. */
  readonly text: string
}

/** @throws Error where the text is not well-formed */
export function readXml(xml: string): Element {
  // Char of the specification, without halves of surrogate pairs.
  const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(xml)
  if (forbidden !== null) throw new Error(`forbidden character at ${forbidden.index}`)
  let at = 0
  take(/<\?xml version="1\.0" encoding="UTF-8"\?>\s*/y)
  const root = element()
  take(/\s*/y)
  if (at !== xml.length) throw new Error(`something behind the root at ${at}`)
  return root

  function take(pattern: RegExp): RegExpExecArray {
    const found = maybe(pattern)
    if (found === null) throw new Error(`expected ${pattern} at ${at}: ${xml.slice(at, at + 40)}`)
    return found
  }

  function maybe(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at
    const found = pattern.exec(xml)
    if (found !== null) at = pattern.lastIndex
    return found
  }

  function element(): Element {
    const name = take(/<([A-Za-z_][\w.-]*)/y)[1]!
    const attributes: Record<string, string> = {}
    for (let found = maybe(attribute); found !== null; found = maybe(attribute)) {
      if (Object.hasOwn(attributes, found[1]!)) throw new Error(`two attributes ${found[1]}`)
      // A parser reads line breaks and tabs of an attribute as spaces.
      attributes[found[1]!] = withoutReferences(found[2]!.replace(/[\t\n\r]/g, ' '))
    }
    if (maybe(/\s*\/>/y) !== null) return { name, attributes, children: [], text: '' }
    take(/\s*>/y)
    const children: Element[] = []
    let text = ''
    while (!xml.startsWith('</', at)) {
      if (xml[at] === '<') children.push(element())
      else {
        const raw = take(/[^<]+/y)[0]
        if (raw.includes(']]>')) throw new Error('"]]>" in text')
        text += withoutReferences(raw.replace(/\r\n?/g, '\n'))
      }
    }
    const end = take(/<\/([A-Za-z_][\w.-]*)\s*>/y)[1]
    if (end !== name) throw new Error(`</${end}> ends <${name}>`)
    return { name, attributes, children, text }
  }
}

const attribute = /\s+([A-Za-z_][\w.-]*)="([^<"]*)"/y
const predefined: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function withoutReferences(text: string): string {
  return text.replace(/&([a-z]*;)?/g, (whole, name?: string) => {
    const char = predefined[name?.slice(0, -1) ?? '']
    if (char === undefined) throw new Error(`no reference: ${whole}`)
    return char
  })
}
