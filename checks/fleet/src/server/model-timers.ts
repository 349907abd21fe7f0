/** The owner of timers that move only the model: nothing of a mirror's runs because of them before another timer fires. */
export const MODEL = 'model';
