// The texts of the mass-cut breaker come with its banner.
import { addTexts } from '.'
import en from './breaker.en.json'
import chinese from './breaker.zh-CN.json'

addTexts(chinese, en)
