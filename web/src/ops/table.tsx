/** A small table with a heading. */
export interface TableProps {
  title: string;
  columns: string[];
  rows: (string | { text: string; href: string })[][];
  /** Colours of rows, if any. */
  tones?: (string | null)[];
  /** All columns but the first are numbers. */
  numbers?: boolean;
  /** What is said where there are no rows. */
  none?: string;
}

export function Table({ title, columns, rows, tones, numbers, none }: TableProps) {
  return (
    <section class="ops-block">
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p class="dim">{none ?? 'None.'}</p>
      ) : (
        <table class={numbers ? 'ops-table ops-numbers' : 'ops-table'}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((cells, index) => (
              <tr key={index} data-tone={tones?.[index]}>
                {cells.map((cell, at) => (
                  <td key={at} title={typeof cell === 'string' ? cell : cell.text}>
                    {typeof cell === 'string' ? cell : <a href={cell.href}>{cell.text}</a>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
