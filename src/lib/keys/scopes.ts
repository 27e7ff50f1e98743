/** What a key or token may be allowed to do. */

/** `admin` includes the others. */
export const scopes = ['read', 'write', 'admin'] as const
export type Scope = (typeof scopes)[number]

export function isScope(text: unknown): text is Scope {
  return (scopes as readonly unknown[]).includes(text)
}

/**
 * What these scopes allow, each once and in one order: `admin` brings the others with it.
 *
 * @example
 * impliedScopes(['admin']) // ['read', 'write', 'admin']
 */
export function impliedScopes(given: readonly Scope[]): readonly Scope[] {
  return given.includes('admin') ? scopes : scopes.filter((scope) => given.includes(scope))
}
