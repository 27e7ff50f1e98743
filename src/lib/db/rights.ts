/** The rights that `ea` needs in a schema, as the statements that give them; test/db/rights.db.test.ts runs with no others. */

const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)

/** For questions, checks, exports and everything else that only reads. */
export function readingGrants(schema: string, role: string): string[] {
  return [
    `GRANT USAGE ON SCHEMA ${quoted(schema)} TO ${quoted(role)}`,
    `GRANT SELECT ON ALL TABLES IN SCHEMA ${quoted(schema)} TO ${quoted(role)}`,
  ]
}

/** For imports, undo, keys and `ea serve`; the right to make temporary tables comes with every new database. */
export function writingGrants(schema: string, role: string): string[] {
  return [
    `GRANT USAGE ON SCHEMA ${quoted(schema)} TO ${quoted(role)}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${quoted(schema)} TO ${quoted(role)}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${quoted(schema)} TO ${quoted(role)}`,
  ]
}
