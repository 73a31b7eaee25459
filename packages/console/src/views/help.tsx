import { isHelpOpen } from '../lib/help.ts'
import { Dialog } from '../parts/dialog.tsx'
import { moreTexts } from '../texts-more.ts'

/** The list of keys. */
export function Help() {
  return (
    <Dialog
      title={moreTexts.help.title}
      onClose={() => {
        isHelpOpen.value = false
      }}
    >
      <table class="table">
        <tbody>
          {moreTexts.help.keys.map(([keys, does]) => (
            <tr key={keys}>
              <th scope="row">
                {keys.split(' ').map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  )
}
