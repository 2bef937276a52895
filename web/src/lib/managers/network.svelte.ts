/** Whether there is a connection, as far as the browser knows. */
class Network {
  online = $state(true);

  start(onBack: () => void): void {
    this.online = navigator.onLine;
    addEventListener('offline', () => (this.online = false));
    addEventListener('online', () => {
      this.online = true;
      onBack();
    });
  }
}

export const network = new Network();
