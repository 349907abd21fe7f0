/** A user of etcd's own user management. */
export interface EtcdCredentials {
  readonly username: string;
  readonly password: string;
}
