import { recommender, type Reach } from '../api/recommender.ts';

/** How often a video of the viewer's own came into question, and what became of it. */
export const loadReach = (videoId: string): Promise<Reach> => recommender.reach(videoId);
