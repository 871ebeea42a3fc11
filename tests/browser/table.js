/** Return the table of docs/sdk.md: a row for each test, with its result for each version. */
export function table({ passed, failed }) {
  const rows = new Map()
  for (const [names, mark] of [[passed, 'works'], [failed, '**fails**']]) {
    for (const { name } of names.filter(({ ofMethod }) => ofMethod)) {
      const [, method, promise] = name.match(/^(.*?): (.*)$/)
      const key = `| \`${method}\` | ${promise} |`
      rows.set(key, [...(rows.get(key) ?? []), mark])
    }
  }
  const lines = [...rows].sort(([a], [b]) => a.toLowerCase().localeCompare(b.toLowerCase()))
  return [
    '| method | what is tested | 2.32.0 | 3.7.0 |',
    '|---|---|---|---|',
    ...lines.map(([key, marks]) => `${key} ${marks.join(' | ')} |`),
    '',
  ].join('\n')
}
