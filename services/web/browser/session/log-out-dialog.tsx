import { Dialog } from '../parts/dialog.tsx';

/** Before what was not sent yet is given up. */
export function LogOutDialog({ unsent, onStay, onLogOut }: { unsent: number; onStay: () => void; onLogOut: () => void }) {
  return (
    <Dialog title="Log out?" onClose={onStay}>
      <p>{unsent === 1 ? 'One message is' : `${unsent} messages are`} not sent yet. If you log out now, you give up on sending.</p>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onStay}>
          Stay
        </button>
        <button type="button" className="button button-danger" onClick={onLogOut}>
          Log out anyway
        </button>
      </div>
    </Dialog>
  );
}
