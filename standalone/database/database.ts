/** A PostgreSQL database that this process owns. */
export interface Database {
  /** postgres:// URL of a superuser (of a server of one's own: of the given user); it holds the password, so it must not be logged. */
  url: string;
  /** The listener is called once, with one sentence, when the database or its ownership is lost before stop(): the process must end then. */
  onLost(listener: (reason: string) => void): void;
  /** Ends the server, if it is the embedded one, and gives the ownership up. Resolves when it has ended, after at most 4 s. */
  stop(): Promise<void>;
}
